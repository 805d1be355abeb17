/** What a data-plane process says to its supervisor, and how that reads it. */
import { isJsonObject } from "../shared/json_object.ts";
import { plainText } from "../shared/plain_text.ts";

const SENTENCE_CHARS_MAX = 8192;

export type ProxyUp =
  /** What was told under this number is in force, or why it can't be. */
  | { kind: "applied"; number: number; sentence?: string }
  /** A server has failed so many times more; `well`: after an answer without fault. */
  | { kind: "seen"; backend: string; server: string; errors: number; well: boolean };

/** Undefined when it is none of both. */
export function readProxyUp(body: unknown): ProxyUp | undefined {
  if (!isJsonObject(body)) return undefined;
  const { kind, number, sentence, backend, server, errors, well } = body;
  if (kind === "applied" && isCount(number)) {
    if (sentence === undefined) return { kind, number };
    return typeof sentence === "string"
      ? { kind, number, sentence: plainText(sentence, SENTENCE_CHARS_MAX) }
      : undefined;
  }
  if (kind === "seen" && typeof backend === "string" && typeof server === "string") {
    return isCount(errors) && typeof well === "boolean" ? { kind, backend, server, errors, well } : undefined;
  }
  return undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
