/**
 * Every change of state is one script, so that it applies once and whole. A job is written to its new place before
 * it leaves the old one: when Redis refuses the write (maxmemory), nothing is lost.
 */
import type { Redis } from "ioredis";
import { ADMIT, TAKE } from "./redis_lua_claim.ts";
import { COUNTS, HURRY, KILL, REPLAY, SET_RULES } from "./redis_lua_desk.ts";
import { ADD, ENQUEUE } from "./redis_lua_enqueue.ts";
import { HELD, HOLDS, PROMOTE, RECLAIM, RELEASE, RENEW } from "./redis_lua_leases.ts";
import { CANCEL, NOTE } from "./redis_lua_records.ts";
import { ACK, SETTLE } from "./redis_lua_settle.ts";

/**
 * Where its memory is full (maxmemory), Redis refuses a script's write that needs memory only as long as the script has
 * written nothing: one that has begun is let end (eval-intro at redis.io; script.c, scriptVerifyOOM). The deletion of a
 * key that is never there is such a beginning, also before Redis 7, whose flag allow-oom says the same. What would come
 * into a full Redis is thus refused, and what is there can be begun, moved and ended, which is how room comes.
 */
const THOUGH_FULL = "redis.call('DEL', KEYS[1])";

const SCRIPTS = {
  add: ADD,
  enqueue: ENQUEUE,
  take: TAKE,
  admit: THOUGH_FULL + ADMIT,
  setRules: THOUGH_FULL + SET_RULES,
  ack: ACK,
  settle: THOUGH_FULL + SETTLE,
  note: THOUGH_FULL + NOTE,
  cancel: THOUGH_FULL + CANCEL,
  renew: RENEW,
  held: HELD,
  holds: HOLDS,
  release: THOUGH_FULL + RELEASE,
  reclaim: THOUGH_FULL + RECLAIM,
  promote: THOUGH_FULL + PROMOTE,
  counts: COUNTS,
  replay: THOUGH_FULL + REPLAY,
  kill: THOUGH_FULL + KILL,
  hurry: THOUGH_FULL + HURRY,
};

export type ScriptName = keyof typeof SCRIPTS;

const digests = new Map<ScriptName, string>();

/** Runs a script on a queue by its digest; sends its text when this Redis has not seen it. */
export async function runScript(
  redis: Redis,
  name: ScriptName,
  base: string,
  args: readonly (string | number)[],
): Promise<unknown> {
  try {
    // Small letters: ioredis looks a name up six times a command, and makes a new string of another one each time.
    return await redis.call("evalsha", [digestOf(name), 1, base, ...args]);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
    return redis.call("eval", [SCRIPTS[name], 1, base, ...args]);
  }
}

function digestOf(name: ScriptName): string {
  const known = digests.get(name);
  if (known) return known;
  const digest = new Bun.CryptoHasher("sha1").update(SCRIPTS[name]).digest("hex");
  digests.set(name, digest);
  return digest;
}
