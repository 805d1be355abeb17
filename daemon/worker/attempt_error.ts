/** Why attempts end other than by their handler, and how errors are kept. */
import { stackOf, titleOf } from "../../shared/thrown_value.ts";

/** What a dead or retried job keeps of its error. */
const ERROR_CHARS_MAX = 8_000;

/** In the binary our files have paths from the root of the repository; a user's are absolute. */
const OWN_FRAME = /[( ](?:daemon|shared)\/[\w/]+\.ts:\d+/;

/** The reason of a signal aborted by a shutdown; the attempt does not count. */
export class WorkerStopping extends Error {
  override readonly name = "WorkerStopping";

  constructor() {
    super("the worker is stopping");
  }
}

/** The reason of a signal aborted because the job is this worker's no more. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";

  constructor() {
    super("the job was killed, or another worker has it");
  }
}

/** The reason of a signal aborted by a timeout. */
export function timeoutError(timeoutMs: number): Error {
  return new DOMException(
    `the handler took longer than its timeout of ${timeoutMs / 1000} s`,
    "TimeoutError",
  );
}

/** What was thrown with its stack, less our own frames, as text of a bounded length. */
export function errorText(thrown: unknown): string {
  const text = describe(thrown);
  return text.length > ERROR_CHARS_MAX ? `${text.slice(0, ERROR_CHARS_MAX)}…` : text;
}

function describe(thrown: unknown): string {
  const frames = (stackOf(thrown) ?? "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line) && !OWN_FRAME.test(line));
  return [titleOf(thrown), ...frames].join("\n");
}
