import { isJsonObject } from "../json_object.ts";
import { plainText } from "../plain_text.ts";

const TROUBLE_CHARS_MAX = 8192;

/** Why the outbox is not relayed; null: it is. */
export interface OutboxNotice {
  trouble: string | null;
}

/** Undefined when it is none. */
export function readOutboxNotice(body: unknown): OutboxNotice | undefined {
  if (!isJsonObject(body)) return undefined;
  const { trouble } = body;
  if (trouble === null) return { trouble };
  return typeof trouble === "string" ? { trouble: plainText(trouble, TROUBLE_CHARS_MAX) } : undefined;
}
