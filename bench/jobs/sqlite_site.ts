import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { until } from "../../test/harness/until.ts";
import type { Rig } from "../rig/rig.ts";
import { cpuTimeUs } from "./cpu_time.ts";
import { latencyApp, stallingApp, stallingHandlers, trivetHandlers } from "./programs.ts";
import { ADMIN, isHealthy, makeSite } from "./trivet.ts";

const TIMEOUT_MS = 60_000;

export interface SqliteRow {
  jobs: number;
  ms: number;
  /** Of all processes: apps, workers, store. */
  us: number;
  appStallMs: number;
  workerStallMs: number;
}

/** `trivet up` with two app processes that enqueue, 50 calls at a time each, and two worker processes. */
export async function sqliteSite(rig: Rig, binary: string, round: number, jobs: number): Promise<SqliteRow> {
  const { dir, site } = await up(rig, binary, `sqlite-${round}`, 2, stallingApp(jobs / 2), stallingHandlers);
  const before = { us: cpuTimeUs(site.pid), ms: performance.now() };
  writeFileSync(join(dir, "go"), "");
  await until(() => stalls(dir, "app").length === 2, "both apps have enqueued", TIMEOUT_MS);
  await until(async () => (await depth(dir)) === 0, "the queue is empty", TIMEOUT_MS);
  const [ms, us] = [performance.now() - before.ms, cpuTimeUs(site.pid) - before.us];
  await until(() => stalls(dir, "worker").length === 2, "both workers have told");
  await Bun.sleep(500);
  const row = {
    ...{ jobs, ms, us },
    appStallMs: Math.max(...stalls(dir, "app")),
    workerStallMs: Math.max(...stalls(dir, "worker")),
  };
  rig.stop(site);
  return row;
}

/** Milliseconds from enqueue in the app to the begin of the handler, sorted. */
export async function sqliteLatencies(rig: Rig, binary: string, jobs: number): Promise<number[]> {
  const { dir, site } = await up(rig, binary, "sqlite-latency", 1, latencyApp(jobs), trivetHandlers);
  writeFileSync(join(dir, "go"), "");
  const file = join(dir, "latencies.json");
  const read = () => JSON.parse(readFileSync(file, "utf8")) as number[];
  await until(() => read().length >= jobs, `${jobs} jobs have run`, TIMEOUT_MS);
  rig.stop(site);
  return read().toSorted((a, b) => a - b);
}

async function up(
  rig: Rig,
  binary: string,
  name: string,
  processes: number,
  app: string,
  handlers: string,
): Promise<{ dir: string; site: Subprocess }> {
  const [serve, edge] = [rig.freePort(), rig.freePort()];
  const dir = makeSite(rig, name, {
    "app.ts": app,
    "jobs.ts": handlers,
    "trivet.toml": `
[store]
url = "sqlite:./trivet.db"
[serve]
listen = "127.0.0.1:${serve}"
workers = ${processes}
[worker]
processes = ${processes}
concurrency = 50
batch = 50
[[proxy.listen]]
address = "127.0.0.1:${edge}"
${ADMIN}`,
  });
  const site = rig.start([binary, "up"], undefined, dir);
  await until(() => isHealthy(dir, "up"), "trivet up is ready", 20_000);
  return { dir, site };
}

function stalls(dir: string, who: string): number[] {
  const files = readdirSync(dir).filter((name) => name.startsWith(`stall-${who}-`));
  return files.map((name) => Number(readFileSync(join(dir, name), "utf8")));
}

async function depth(dir: string): Promise<number> {
  const response = await fetch("http://trivet/status", { unix: join(dir, "run", "up.sock") });
  const { modes } = (await response.json()) as {
    modes: { worker: { queues: { waiting: number; delayed: number; running: number }[] } };
  };
  // It does not answer while the store is busy.
  const [queue] = modes.worker.queues;
  return queue ? queue.waiting + queue.delayed + queue.running : 1;
}
