/** Reads what a client of the store process says: code of an app has our socket in its hands, too. */
import { isJsonObject, type JsonObject } from "../json_object.ts";
import type { StoreCall, StoreRequest } from "./jobs/store_call.ts";

/** Names of queues, owners, jobs and crons are far shorter. */
const TEXT_CHARS_MAX = 2000;
const TEXTS_MAX = 100_000;

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string" && value.length <= TEXT_CHARS_MAX;
const texts: Check = (value) => Array.isArray(value) && value.length <= TEXTS_MAX && value.every(text);
const count: Check = (value) => typeof value === "number" && value >= 0;
const flag: Check = (value) => typeof value === "boolean";
/** What stands in it is looked at where it is used: a write that can't be is refused alone. */
const objects: Check = (value) => Array.isArray(value) && value.every(isJsonObject);

/** What each call has beside its name. */
const CALLS: {
  readonly [Op in StoreCall["op"]]: Readonly<
    Record<Exclude<keyof Extract<StoreCall, { op: Op }>, "op">, Check>
  >;
} = {
  enqueue: { jobs: objects, token: isJsonObject },
  claim: { queue: text, owner: text, max: count, waitMs: count, alone: flag },
  owned: { queue: text, owner: text },
  settle: { owner: text, settlements: objects },
  holds: { owner: text, leases: objects },
  note: { notes: objects },
  get: { id: text, queue: (value) => value === null || text(value) },
  await: { id: text, waitMs: count },
  cancel: { id: text },
  renew: { queues: texts, owners: texts, leaseMs: count },
  held: { queues: texts, owner: text },
  release: { queues: texts, owner: text, end: isJsonObject },
  reclaim: { queues: texts, leaseMs: count },
  promote: { queues: texts, maxMs: count },
  counts: { queues: texts },
  dead: { queue: text, max: count, filter: isJsonObject },
  replay: { queue: text, filter: isJsonObject },
  cronLast: { name: text },
  cronDone: { name: text, slotMs: count },
  queues: {},
  find: { queue: text, filter: isJsonObject, max: count },
  kill: { queue: text, ids: texts },
  hurry: { queue: text, ids: texts },
  rules: { queue: text },
  setRules: { queue: text, rules: isJsonObject },
};

/** Undefined when it is none. */
export function readStoreRequest(value: unknown): StoreRequest | undefined {
  if (!isJsonObject(value)) return undefined;
  const { kind, number, client, call } = value;
  const isRequest =
    kind === "hello"
      ? text(client)
      : Number.isSafeInteger(number) && (kind === "abort" || isCall(kind, call));
  return isRequest ? (value as StoreRequest & JsonObject) : undefined;
}

function isCall(kind: unknown, call: unknown): boolean {
  if (kind !== "call" || !isJsonObject(call)) return false;
  const { op } = call;
  if (typeof op !== "string" || !Object.hasOwn(CALLS, op)) return false;
  const checks: Readonly<Record<string, Check>> = CALLS[op as StoreCall["op"]];
  for (const name in checks) if (!checks[name]?.(call[name])) return false;
  return true;
}
