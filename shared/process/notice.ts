/**
 * Reads what a child has said. Children run code that is not ours: what comes from them is looked at like what comes
 * from a stranger, and what is not exactly a notice is none.
 */
import { isJsonObject, type JsonObject } from "../json_object.ts";
import { plainText } from "../plain_text.ts";
import { readSample } from "../sample.ts";
import { type Detail, LEAVE_REASONS, type Notice } from "./message.ts";

const SENTENCE_CHARS_MAX = 8192;
const DETAILS_MAX = 20;
const DETAIL_CHARS_MAX = 200;
const DETAIL_NAME = /^[A-Za-z][A-Za-z0-9]{0,39}$/;

/** Undefined when it is no notice. What the room itself says is the room's to read. */
export function readNotice(value: unknown): Notice<unknown> | undefined {
  if (!isJsonObject(value)) return undefined;
  switch (value["kind"]) {
    case "ready":
      return { kind: "ready" };
    case "failed":
      return readFailed(value);
    case "leave":
      return readLeave(value);
    case "beat":
      return readBeat(value);
    case "report":
      return readReport(value);
    case "room":
      return { kind: "room", body: value["body"] };
    default:
      return undefined;
  }
}

function readFailed({ sentence }: JsonObject): Notice<never> | undefined {
  if (typeof sentence !== "string") return undefined;
  return { kind: "failed", sentence: plainText(sentence, SENTENCE_CHARS_MAX) };
}

function readLeave({ reason: given }: JsonObject): Notice<never> | undefined {
  const reason = LEAVE_REASONS.find((known) => known === given);
  return reason && { kind: "leave", reason };
}

function readBeat({ samples: given }: JsonObject): Notice<never> | undefined {
  const samples = readSamples(given);
  return samples && { kind: "beat", samples };
}

function readReport({ ask, samples: given, detail: shown }: JsonObject): Notice<never> | undefined {
  const samples = readSamples(given);
  if (!samples || !Number.isSafeInteger(ask)) return undefined;
  const report = { kind: "report" as const, ask: Number(ask), samples };
  if (shown === undefined) return report;
  const detail = readDetail(shown);
  return detail && { ...report, detail };
}

function readSamples(given: unknown) {
  if (!Array.isArray(given)) return undefined;
  const samples = given.map(readSample);
  return samples.every((sample) => sample !== undefined) ? samples : undefined;
}

function readDetail(given: unknown): Detail | undefined {
  if (!isJsonObject(given)) return undefined;
  const entries = Object.entries(given);
  if (entries.length > DETAILS_MAX || !entries.every(([name]) => DETAIL_NAME.test(name))) return undefined;
  const detail: Record<string, string | number | boolean> = {};
  for (const [name, value] of entries) {
    if (typeof value === "string") detail[name] = plainText(value, DETAIL_CHARS_MAX);
    else if (typeof value === "number" || typeof value === "boolean") detail[name] = value;
    else return undefined;
  }
  return detail;
}
