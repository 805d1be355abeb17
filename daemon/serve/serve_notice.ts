import { isJsonObject } from "../../shared/json_object.ts";
import { plainText } from "../../shared/plain_text.ts";

const FAULT_CHARS_MAX = 8192;

/** What a child of the app server says before it is ready: what it shows instead of the app; null: the app runs. */
export interface ServeNotice {
  fault: string | null;
}

/** Undefined when it is none; only a child whose code is watched has a fault to show. */
export function readServeNotice(body: unknown, watched: boolean): ServeNotice | undefined {
  if (!isJsonObject(body)) return undefined;
  const { fault } = body;
  if (fault === null) return { fault };
  return watched && typeof fault === "string" ? { fault: plainText(fault, FAULT_CHARS_MAX) } : undefined;
}
