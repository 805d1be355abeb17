import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import pino from "pino";
import { plainJson, plainLine, plainText } from "./plain_text.ts";
import { shownValue, within } from "./thrown_value.ts";

const STDERR_FD = 2;
const LEVEL_NAMES: Record<number, string> = { 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };
const QUIET_FIELDS = new Set(["level", "time", "pid", "name", "msg"]);

/** What the supervisor and its children say of themselves: JSON lines on stderr, plain lines when a person watches. */
export const log = pino(
  {
    level: levelOf(process.env["TRIVET_LOG_LEVEL"]),
    base: { pid: process.pid },
    // As in the access log: UTC, with milliseconds.
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: errorFields },
  },
  // Not process.stderr.isTTY: touching process.stderr makes the descriptor non-blocking, for its other users too.
  {
    write: isatty(STDERR_FD)
      ? (line) => writeStderr(forPerson(line))
      : (line) => writeStderr(plainJson(line)),
  },
);

/** Of what user code threw, too. */
function errorFields(thrown: unknown): unknown {
  return within(() => pino.stdSerializers.err(thrown as Error)) ?? { message: shownValue(thrown) };
}

function levelOf(wanted = "info"): string {
  return Object.values(LEVEL_NAMES).includes(wanted) || wanted === "silent" ? wanted : "info";
}

function writeStderr(line: string): void {
  try {
    writeSync(STDERR_FD, line);
  } catch (error) {
    // Nobody can be told that stderr is full (EAGAIN) or gone (EPIPE); the work must go on.
    if (!(error instanceof Error)) throw error;
  }
}

function forPerson(line: string): string {
  const fields = JSON.parse(line) as Record<string, unknown>;
  const details = Object.entries(fields)
    .filter(([key]) => !QUIET_FIELDS.has(key))
    .map(([key, value]) => ` ${key}=${plainLine(typeof value === "string" ? value : JSON.stringify(value))}`);
  const level = Number(fields["level"]);
  const mark = level > 30 ? `${LEVEL_NAMES[level] ?? level}: ` : "";
  // Of a message of several lines none may look like a line of its own.
  const message = plainText(String(fields["msg"] ?? "")).replaceAll("\n", "\n  ");
  return `${mark}${message}${details.join("")}\n`;
}
