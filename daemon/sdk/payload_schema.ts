import type { TSchema } from "@sinclair/typebox";

/** Throws a TypeError that says which field of the payload does not match, and how. */
export function checkPayload(type: string, schema: TSchema, payload: unknown): void {
  const reason = payloadFault(schema, payload);
  if (reason) throw new TypeError(`job "${type}": ${reason}`);
}

/** What is wrong with a payload, as one clause; undefined when it matches. */
export function payloadFault(schema: TSchema, payload: unknown): string | undefined {
  // Loaded by those who have schemas only: it takes milliseconds.
  const { Value } = require("@sinclair/typebox/value") as typeof import("@sinclair/typebox/value");
  const first = Value.Errors(schema, payload).First();
  return first && `payload${first.path.replaceAll("/", ".")} does not match its schema: ${first.message}`;
}
