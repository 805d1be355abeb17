import { isJsonObject } from "../json_object.ts";
import { plainText } from "../plain_text.ts";

const TROUBLE_CHARS_MAX = 8192;

/** Store process → parent: why jobs can't be stored; null: they can. */
export interface StoreNotice {
  trouble: string | null;
}

/** Undefined when it is none. */
export function readStoreNotice(body: unknown): StoreNotice | undefined {
  if (!isJsonObject(body)) return undefined;
  const { trouble } = body;
  if (trouble === null) return { trouble };
  return typeof trouble === "string" ? { trouble: plainText(trouble, TROUBLE_CHARS_MAX) } : undefined;
}
