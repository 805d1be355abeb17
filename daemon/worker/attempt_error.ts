/** Why attempts end other than by their handler, and how errors are kept. */

/** What a dead or retried job keeps of its error. */
const ERROR_CHARS_MAX = 8_000;

/** The reason of a signal aborted by a shutdown; the attempt does not count. */
export class WorkerStopping extends Error {
  override readonly name = "WorkerStopping";

  constructor() {
    super("the worker is stopping");
  }
}

/** The reason of a signal aborted by a timeout. */
export function timeoutError(timeoutMs: number): Error {
  return new DOMException(
    `the handler took longer than its timeout of ${timeoutMs / 1000} s`,
    "TimeoutError",
  );
}

/** What was thrown with its stack, as text of a bounded length. */
export function errorText(thrown: unknown): string {
  const text = thrown instanceof Error ? (thrown.stack ?? String(thrown)) : `threw ${Bun.inspect(thrown)}`;
  // A stack need not begin with the message.
  const whole =
    thrown instanceof Error && !text.includes(thrown.message) ? `${String(thrown)}\n${text}` : text;
  return whole.length > ERROR_CHARS_MAX ? `${whole.slice(0, ERROR_CHARS_MAX)}…` : whole;
}
