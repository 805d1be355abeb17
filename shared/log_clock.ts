const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MS = Array.from({ length: 1000 }, (_, ms) => String(ms).padStart(3, "0"));

/** A moment as text, to the millisecond. What is above the milliseconds is written once a second. */
export class LogClock {
  readonly #write: (date: Date) => string;
  #second = Number.NaN;
  #text = "";

  /** `write`: the date without its milliseconds. */
  constructor(write: (date: Date) => string) {
    this.#write = write;
  }

  /** `ms`: whole milliseconds since 1970. */
  text(ms: number): string {
    const second = Math.floor(ms / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = this.#write(new Date(second * 1000));
    }
    return `${this.#text}.${MS[ms - second * 1000]}`;
  }
}

/** "2026-11-22T04:54:51", in UTC. */
export function isoDate(date: Date): string {
  return date.toISOString().slice(0, 19);
}

/** "22/Nov/2026:04:54:51", in local time, as in Apache's logs and HAProxy's. */
export function logDate(date: Date): string {
  return `${two(date.getDate())}/${MONTHS[date.getMonth()]}/${date.getFullYear()}:${timeOf(date)}`;
}

/** "Nov  2 04:54:51", in local time (RFC 3164 §4.1.2). */
export function syslogDate(date: Date): string {
  return `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2, " ")} ${timeOf(date)}`;
}

function timeOf(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}
