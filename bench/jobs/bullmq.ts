import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../shared/user_error.ts";
import type { Rig } from "../rig/rig.ts";
import { say } from "../rig/say.ts";
import type { Contender } from "./contender.ts";
import { bullEnqueuer, bullPause, bullWorker } from "./programs.ts";
import type { BenchRedis } from "./redis.ts";
import { makeSite } from "./trivet.ts";

const PACKAGES = ["bullmq@6", "ioredis@5"];

/** BullMQ from npm, in a folder of the rig or one that has it already; its programs run in Bun too. */
export async function bullmq(
  rig: Rig,
  redis: BenchRedis,
  modules: string | undefined,
  concurrency: number,
): Promise<Contender> {
  const dir = makeSite(rig, "bullmq", {
    "package.json": '{"private":true}',
    "enqueue.ts": bullEnqueuer(redis.port),
    "worker.ts": bullWorker(redis.port, concurrency),
    "pause.ts": bullPause(redis.port),
  });
  if (modules) await Bun.$`ln -s ${modules} ${join(dir, "node_modules")}`;
  else await install(dir);
  const bun = process.execPath;
  const ready = join(dir, "ready");
  return {
    ...{ name: `BullMQ ${versionIn(dir)}`, rig, redis, dir },
    enqueueCommand: [bun, "enqueue.ts"],
    workerCommand: [bun, "worker.ts"],
    isWorkerReady: async () => existsSync(ready),
    async setPaused(paused) {
      await Bun.$`${bun} pause.ts ${paused ? "pause" : "resume"}`.cwd(dir).quiet();
    },
    async depth() {
      const keys = ["wait", "paused", "active"].map((name) => `bull:default:${name}`);
      const lengths = await Promise.all(keys.map((key) => redis.ask("LLEN", key)));
      return lengths.reduce((sum, length) => sum + Number(length), 0);
    },
  };
}

async function install(dir: string): Promise<void> {
  say(`installing ${PACKAGES.join(" and ")} from npm into a temporary folder`);
  const npm = await Bun.$`npm install --no-audit --no-fund --ignore-scripts ${PACKAGES}`
    .cwd(dir)
    .quiet()
    .nothrow();
  if (npm.exitCode !== 0)
    throw new UserError(`npm could not install BullMQ: ${npm.stderr.toString().trim()}`);
}

function versionIn(dir: string): string {
  const text = readFileSync(join(dir, "node_modules", "bullmq", "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
