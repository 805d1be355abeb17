/**
 * What user code threw, as text. Anything can be thrown, and looking at it runs its getters, which may throw again,
 * never end, or give something huge: what comes from here is a text of a bounded length, in bounded time.
 */
import { types } from "node:util";
import { Script } from "node:vm";

const LOOK_MS = 250;
const TEXT_CHARS_MAX = 64 * 1024;
const SHOWN_CHARS_MAX = 8_000;
/** Objects with more are named, not shown. */
const SHOWN_KEYS_MAX = 100;
const SHOWN_DEPTH = 2;
const BIGINT_BITS_MAX = 256;
const UNREADABLE = "a value that can't be shown";

/** What the script below calls: nothing else can end code of ours that never does (node:vm, timeout). */
const LOOK = Symbol.for("trivet.look");
const box = globalThis as { [LOOK]?: (() => void) | undefined };
let script: Script | undefined;

/** What `look` gives, or undefined when it throws or takes longer than `limitMs`. */
export function within<Result>(look: () => Result, limitMs = LOOK_MS): Result | undefined {
  // One inside another has the time of the outer one.
  if (box[LOOK]) return attempt(look);
  let result: Result | undefined;
  box[LOOK] = () => {
    result = attempt(look);
  };
  try {
    script ??= new Script(`globalThis[Symbol.for("trivet.look")]()`);
    script.runInThisContext({ timeout: limitMs });
    return result;
  } catch {
    // Its time is over: what it was about to throw is of the same user.
    return undefined;
  } finally {
    box[LOOK] = undefined;
  }
}

function attempt<Result>(look: () => Result): Result | undefined {
  try {
    return look();
  } catch {
    // The user's own getter threw: there is nothing to see.
    return undefined;
  }
}

/** Whether it can be read as an Error; a Proxy of one can't. */
export function isError(thrown: unknown): thrown is Error {
  return !types.isProxy(thrown) && within(() => thrown instanceof Error) === true;
}

/** The message of an Error, any other value as it is. */
export function messageOf(thrown: unknown): string {
  if (typeof thrown === "string") return bounded(thrown);
  if (!isError(thrown)) return shownValue(thrown);
  return within(() => textOf(thrown.message)) ?? nameOf(thrown);
}

/** "TypeError: x is not a function"; what is no Error as "threw 42". */
export function titleOf(thrown: unknown): string {
  if (!isError(thrown)) return `threw ${shownValue(thrown)}`;
  const message = within(() => textOf(thrown.message));
  return message ? `${nameOf(thrown)}: ${message}` : nameOf(thrown);
}

/** Its stack; undefined when it has none. */
export function stackOf(thrown: unknown): string | undefined {
  return isError(thrown) ? within(() => textOf(thrown.stack)) : undefined;
}

/** Any value, for a log or a page. */
export function shownValue(value: unknown): string {
  return bounded(within(() => shown(value)) ?? UNREADABLE, SHOWN_CHARS_MAX);
}

function nameOf(error: Error): string {
  return within(() => textOf(error.name)) || "Error";
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? bounded(value) : undefined;
}

function shown(value: unknown): string {
  switch (typeof value) {
    case "string":
      return Bun.inspect(value.slice(0, SHOWN_CHARS_MAX));
    case "bigint":
      return BigInt.asIntN(BIGINT_BITS_MAX, value) === value ? `${value}n` : "a large BigInt";
    case "function":
      return "a function";
    case "object":
      if (value === null) return "null";
      if (types.isProxy(value)) return "a Proxy";
      return isSmall(value) ? Bun.inspect(value, { depth: SHOWN_DEPTH }) : UNREADABLE;
    default:
      return String(value);
  }
}

/** Bun shows all keys of an object, however many, and all bytes of a buffer. */
function isSmall(value: object, depth = SHOWN_DEPTH): boolean {
  if (ArrayBuffer.isView(value)) return value.byteLength <= SHOWN_KEYS_MAX;
  const keys = Object.keys(value);
  if (keys.length > SHOWN_KEYS_MAX) return false;
  if (depth === 0) return true;
  return keys.every((key) => {
    const inner: unknown = Object.getOwnPropertyDescriptor(value, key)?.value;
    return typeof inner !== "object" || inner === null || types.isProxy(inner) || isSmall(inner, depth - 1);
  });
}

function bounded(text: string, charsMax = TEXT_CHARS_MAX): string {
  return text.length > charsMax ? `${text.slice(0, charsMax)}…` : text;
}
