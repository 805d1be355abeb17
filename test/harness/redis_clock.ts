import type { RedisServer } from "./redis_server.ts";

/** Redis's own clock can't be set: the moments of a queue's delayed jobs are moved the other way instead. */
export async function setRedisClock(
  redis: RedisServer | undefined,
  queue: string,
  byMs: number,
): Promise<void> {
  const shift = `for i, word in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')) do
    if i % 2 == 1 then redis.call('ZINCRBY', KEYS[1], -ARGV[1], word) end
  end`;
  await redis?.cli("EVAL", shift, "1", `trivet:{${queue}}:d`, String(byMs));
}
