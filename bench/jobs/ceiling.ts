/** What the protocol itself costs: bare commands, pipelined, with no promise kept but Redis's own. */
import { Redis } from "ioredis";
import type { Cost } from "./contender.ts";
import { cpuTimeUs } from "./cpu_time.ts";
import type { BenchRedis } from "./redis.ts";

const BATCH = 100;
const STREAM = "ceiling";
const FIELDS = ["a", "0", "s", "0", "m", JSON.stringify(["0".repeat(26), "noop"]), "p", "x".repeat(242)];

export interface Ceiling {
  add: Cost;
  work: Cost;
}

export async function ceiling(redis: BenchRedis, jobs: number): Promise<Ceiling> {
  const client = new Redis(redis.port, "127.0.0.1");
  try {
    await client.xgroup("CREATE", STREAM, "g", "0", "MKSTREAM");
    const add = await costOf(redis, jobs, async () => {
      for (let i = 0; i < jobs; i += BATCH) {
        const pipeline = client.pipeline();
        for (let k = 0; k < BATCH; k++) pipeline.xadd(STREAM, "*", ...FIELDS);
        await pipeline.exec();
      }
    });
    const work = await costOf(redis, jobs, async () => {
      for (let i = 0; i < jobs; i += BATCH) {
        const reply = await client.xreadgroup("GROUP", "g", "me", "COUNT", BATCH, "STREAMS", STREAM, ">");
        const ids = idsIn(reply);
        await client
          .pipeline()
          .xack(STREAM, "g", ...ids)
          .xdel(STREAM, ...ids)
          .exec();
      }
    });
    return { add, work };
  } finally {
    client.disconnect();
  }
}

async function costOf(redis: BenchRedis, jobs: number, work: () => Promise<void>): Promise<Cost> {
  const before = { client: process.cpuUsage(), server: cpuTimeUs(redis.pid), ms: performance.now() };
  await work();
  const { user, system } = process.cpuUsage(before.client);
  const ms = performance.now() - before.ms;
  return { jobs, ms, clientUs: user + system, serverUs: cpuTimeUs(redis.pid) - before.server };
}

/** By the version of the protocol, a list of [stream, entries] or an object. */
function idsIn(reply: unknown): string[] {
  const entries = Array.isArray(reply)
    ? Array.isArray(reply[0])
      ? (reply[0][1] as [string][])
      : (reply[1] as [string][])
    : ((reply as Record<string, [string][]>)[STREAM] ?? []);
  return entries.map(([id]) => id);
}
