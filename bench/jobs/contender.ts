import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { until } from "../../test/harness/until.ts";
import type { Rig } from "../rig/rig.ts";
import { cpuTimeUs } from "./cpu_time.ts";
import type { BenchRedis } from "./redis.ts";

export const ENQUEUE_KINDS = ["bulk", "callers", "single"] as const;
export type EnqueueKind = (typeof ENQUEUE_KINDS)[number];

/** What some work took. */
export interface Cost {
  jobs: number;
  ms: number;
  clientUs: number;
  serverUs: number;
}

/** Whoever puts jobs into its Redis. */
export interface Enqueuer {
  name: string;
  rig: Rig;
  redis: BenchRedis;
  /** Where its programs run. */
  dir: string;
  enqueueCommand: readonly string[];
}

/** One of the two libraries, with the programs that use it. */
export interface Contender extends Enqueuer {
  workerCommand: readonly string[];
  isWorkerReady(worker: Subprocess): Promise<boolean>;
  /** Whether workers begin jobs. */
  setPaused(paused: boolean): Promise<void>;
  /** Jobs that wait or run. */
  depth(): Promise<number>;
}

const WORK_TIMEOUT_MS = 60_000;

export async function enqueue(contender: Enqueuer, kind: EnqueueKind, jobs: number): Promise<Cost> {
  const { us, ms, serverUs } = await runEnqueuer(contender, kind, jobs);
  return { jobs, ms, clientUs: us, serverUs };
}

/** Bytes in Redis that each of the waiting jobs takes, and those that are left when all are done. */
export interface Memory {
  jobBytes: number;
  leftBytes: number;
}

export interface Processing extends Memory {
  cost: Cost;
}

/** Fills the queue while it is paused, then has one worker process empty it. */
export async function process_(contender: Contender, jobs: number): Promise<Processing> {
  const { redis } = contender;
  using worker = await startWorker(contender);
  await runEnqueuer(contender, "bulk", 2_000);
  await empty(contender);
  await contender.setPaused(true);
  const emptyBytes = await redis.usedBytes();
  await runEnqueuer(contender, "bulk", jobs);
  const depth = await contender.depth();
  const fullBytes = await redis.usedBytes();
  const before = { client: cpuTimeUs(worker.pid), server: cpuTimeUs(redis.pid), ms: performance.now() };
  await contender.setPaused(false);
  await empty(contender);
  const cost: Cost = {
    jobs: depth,
    ms: performance.now() - before.ms,
    clientUs: cpuTimeUs(worker.pid) - before.client,
    serverUs: cpuTimeUs(redis.pid) - before.server,
  };
  const leftBytes = (await redis.usedBytes()) - emptyBytes;
  return { cost, jobBytes: (fullBytes - emptyBytes) / depth, leftBytes };
}

/** Milliseconds from enqueue to the begin of the handler, one job at a time on an idle worker; sorted. */
export async function latencies(contender: Contender, jobs: number): Promise<number[]> {
  using worker = await startWorker(contender);
  const file = join(contender.dir, "latencies.json");
  rmSync(file, { force: true });
  await runEnqueuer(contender, "latency", jobs);
  await until(
    () => existsSync(file) && readLatencies(file).length >= jobs,
    `${jobs} jobs ran in ${worker.pid}`,
  );
  return readLatencies(file).toSorted((a, b) => a - b);
}

function readLatencies(file: string): number[] {
  return JSON.parse(readFileSync(file, "utf8")) as number[];
}

async function startWorker(contender: Contender): Promise<{ pid: number } & Disposable> {
  const { rig, dir, workerCommand } = contender;
  const worker = rig.start(workerCommand, undefined, dir);
  await until(() => contender.isWorkerReady(worker), `a worker of ${contender.name} is ready`, 20_000);
  return { pid: worker.pid, [Symbol.dispose]: () => rig.stop(worker) };
}

/** What the program says of itself, once it is warm. */
interface Enqueued {
  us: number;
  ms: number;
  serverUs: number;
}

async function runEnqueuer(
  { rig, dir, redis, enqueueCommand }: Enqueuer,
  kind: EnqueueKind | "latency",
  jobs: number,
): Promise<Enqueued> {
  const program = rig.pipe([...enqueueCommand, kind, String(jobs), String(redis.pid)], undefined, dir);
  const said = await new Response(program.stdout).text();
  if ((await program.exited) !== 0) throw new Error(`${enqueueCommand.join(" ")} failed`);
  return JSON.parse(said) as Enqueued;
}

async function empty(contender: Contender): Promise<void> {
  await until(
    async () => (await contender.depth()) === 0 || Bun.sleep(40).then(() => false),
    "the queue is empty",
    WORK_TIMEOUT_MS,
  );
}
