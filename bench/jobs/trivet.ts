import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RedisKeys } from "../../shared/store/jobs/redis_keys.ts";
import type { Rig } from "../rig/rig.ts";
import type { Contender } from "./contender.ts";
import { trivetEnqueuer, trivetHandlers } from "./programs.ts";
import type { BenchRedis } from "./redis.ts";

/** Trivet as a user has it: the binary, one worker process, jobs in Redis. */
export function trivet(rig: Rig, redis: BenchRedis, binary: string, concurrency: number): Contender {
  const dir = makeSite(rig, "trivet", {
    "jobs.ts": trivetHandlers,
    "enqueue.ts": trivetEnqueuer,
    "trivet.toml": `[store]\nurl = "${redis.url}"\n[worker]\nconcurrency = ${concurrency}\nbatch = ${concurrency}\n${ADMIN}`,
  });
  return {
    ...{ name: "Trivet", rig, redis, dir },
    enqueueCommand: [binary, "run", "enqueue.ts"],
    workerCommand: [binary, "worker"],
    isWorkerReady: () => isHealthy(dir, "worker"),
    async setPaused(paused) {
      await Bun.$`${binary} jobs ${paused ? "pause" : "resume"} default`.cwd(dir).quiet();
    },
    async depth() {
      const lengths = await Promise.all(
        new RedisKeys().streams("default").map((stream) => redis.ask("XLEN", stream)),
      );
      return lengths.reduce((sum, length) => sum + Number(length), 0);
    },
  };
}

export const ADMIN = `[admin]\ndir = "run"\nhttp = ""\n`;

export function makeSite(rig: Rig, name: string, files: Readonly<Record<string, string>>): string {
  const dir = join(rig.dir, name);
  mkdirSync(dir);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(dir, file), text);
  return dir;
}

export async function isHealthy(dir: string, mode: string): Promise<boolean> {
  return (await fetch("http://trivet/health", { unix: join(dir, "run", `${mode}.sock`) })).ok;
}
