/** One exchange for a person who watches the terminal: what matters of it, on one short line. */
import { isoDate } from "../shared/log_clock.ts";
import type { Ending, Exchange } from "./exchange_state.ts";
import { watchedText } from "./log_text.ts";
import { timersOf } from "./timers.ts";

const METHOD_CHARS_MAX = 16;
const TEXT_CHARS_MAX = 2048;
/** However narrow the terminal is, so much is left of what was asked for. */
const ASKED_CHARS_MIN = 16;
const TIME_AT = "2026-11-22T".length;
const CUT = "...";

/** By the first digit of the status: SGR of ECMA-48 §8.3.117. */
const COLOURS: Readonly<Record<string, number>> = { 1: 36, 2: 32, 3: 36, 4: 33, 5: 31 };
const STEP = 1024;
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** The terminal that the line is for. */
export interface Watched {
  columns: number;
  coloured: boolean;
}

/** `durationMs`: from the whole head of the request to its end, which is `endMs` since 1970. */
export function watchedLine(
  exchange: Exchange,
  ending: Ending,
  durationMs: number,
  endMs: number,
  { columns, coloured }: Watched,
): string {
  const time = isoDate(new Date(endMs)).slice(TIME_AT);
  const status = String(exchange.status);
  const { method, asked } = requestOf(exchange);
  const duration = durationText(timersOf(exchange, durationMs).active);
  const end = ` ${duration} ${sizeText(exchange.responseBytes)}${reasonOf(exchange, ending)}`;
  const start = `${time} ${status} ${method}`;
  const room = Math.max(ASKED_CHARS_MIN, columns - start.length - 1 - end.length);
  const painted = coloured ? `${time} \x1b[${COLOURS[status[0]!] ?? 0}m${status}\x1b[0m ${method}` : start;
  return `${painted} ${cut(asked, room)}${end}\n`;
}

function requestOf({ unreadable, bytes, request }: Exchange): { method: string; asked: string } {
  if (unreadable) return { method: "-", asked: "<BADREQ>" };
  const host = watchedText(bytes, request.hostStart, request.hostNameEnd, TEXT_CHARS_MAX);
  const target = watchedText(bytes, request.pathStart, request.targetEnd, TEXT_CHARS_MAX);
  return {
    method: watchedText(bytes, request.start, request.methodEnd, METHOD_CHARS_MAX),
    asked: `${host}${target}`,
  };
}

/** The words of the JSON line's `ended` and `reason`. */
function reasonOf({ fault }: Exchange, ending: Ending): string {
  if (ending === "done" || ending === "health") return "";
  return ending === "bad_response" ? ` ${ending}: ${fault}` : ` ${ending}`;
}

function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : text.slice(0, charsMax - CUT.length) + CUT;
}

/** "0.4ms", "31ms", "2.50s". */
export function durationText(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)}ms`;
  return ms < 1000 ? `${Math.floor(ms)}ms` : `${(ms / 1000).toFixed(2)}s`;
}

/** "512B", "5.0KiB". */
export function sizeText(bytes: number): string {
  let rest = bytes;
  let unit = 0;
  for (; rest >= STEP && unit < UNITS.length - 1; unit++) rest /= STEP;
  return `${unit === 0 ? rest : rest.toFixed(1)}${UNITS[unit]}`;
}
