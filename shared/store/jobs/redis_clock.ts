import type { RedisCommander } from "../redis_commander.ts";

/** The clock by which Redis lets delayed jobs go (TIME), in milliseconds. */
export async function redisNowMs(commander: RedisCommander): Promise<number> {
  const [seconds, microseconds] = await commander.run((redis) => redis.time());
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}
