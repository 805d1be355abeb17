import { isLoopback } from "../process/loopback.ts";
import { placeOf } from "../store/redis_address.ts";
import { checkRedis } from "../store/redis_connection.ts";
import { sentenceOf } from "../user_error.ts";
import { broken, type Diagnosis } from "./diagnosis.ts";
import type { ReadText } from "./kernel_limits.ts";
import { readRedisFacts } from "./redis_facts.ts";
import { checkRedisKeepsJobs } from "./redis_health.ts";
import { checkRedisMachine } from "./redis_machine.ts";

/** All about the Redis that holds jobs, and about its machine when it is this one. */
export async function checkRedisStore(url: string, read: ReadText): Promise<Diagnosis[]> {
  try {
    await checkRedis(url);
    const facts = await readRedisFacts(url);
    const isHere = !url.startsWith("redis+sentinel:") && isLoopback(placeOf(url));
    return [...checkRedisKeepsJobs(facts), ...(isHere ? checkRedisMachine(read) : [])];
  } catch (error) {
    const change = "redis-cli -u URL ping tells the same; start it, or change store.url";
    return [broken("Redis", sentenceOf(error), "no job can be enqueued or run", change)];
  }
}
