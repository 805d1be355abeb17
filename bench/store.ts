/**
 * What a job costs by each way to the store: Redis directly or through a store process, SQLite in the process or
 * through the store process. The claim behind docs/job.md. Run: bun bench/store.ts [jobs]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import type { JobStore } from "../shared/store/jobs/job_store.ts";
import { newJob } from "../shared/store/jobs/new_job.ts";
import { RedisJobStore } from "../shared/store/jobs/redis.ts";
import { SocketJobStore } from "../shared/store/jobs/socket.ts";
import { SqliteJobStore } from "../shared/store/jobs/sqlite.ts";
import { type ServedStore, StoreServer } from "../shared/store/store_server.ts";

const PAYLOAD = { to: "somebody@example.com", text: "x".repeat(190) };
const CLOCK_TICK_US = 10_000;
const CONCURRENCY = 50;

interface Way {
  name: string;
  store: JobStore;
  /** Processes other than this one that work for it. */
  pids: number[];
}

const [role, ...rest] = process.argv.slice(2);
if (role === "serve") serve(rest);
else await drive(Number(role ?? 30_000));

/** The store process of a way. */
function serve([kind = "", place = "", socket = ""]: readonly string[]): void {
  const store: ServedStore = kind === "redis" ? servedRedis(place) : new SqliteJobStore(place);
  new StoreServer(store).listen(socket);
}

/** A Redis store for the store process: no connection is lost here, so nothing needs to be found again. */
function servedRedis(url: string): ServedStore {
  return Object.assign(new RedisJobStore(url), { owned: async () => ({ jobs: [], broken: [] }) });
}

async function drive(jobs: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "trivet-bench-"));
  const children: Subprocess[] = [];
  try {
    console.log(
      `${cpus()[0]?.model}, ${cpus().length} cores; Bun ${Bun.version}; ${jobs} jobs a row, ${JSON.stringify(PAYLOAD).length} B payload`,
    );
    console.log("| way | work | jobs/s | client µs/job | server µs/job |\n|---|---|---|---|---|");
    for (const way of await ways(dir, children)) {
      await measure(way, jobs);
      await way.store.close();
    }
  } finally {
    for (const child of children) child.kill("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  }
}

async function ways(dir: string, children: Subprocess[]): Promise<Way[]> {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const url = `redis://127.0.0.1:${port}`;
  const start = (...words: string[]) => {
    const child = Bun.spawn(words, { stdio: ["ignore", "ignore", "inherit"] });
    children.push(child);
    return child.pid;
  };
  const server = (kind: string, place: string) => {
    const socket = join(dir, `${kind}.sock`);
    return { socket, pid: start(process.execPath, import.meta.path, "serve", kind, place, socket) };
  };
  const redis = start(
    "redis-server",
    "--port",
    String(port),
    "--dir",
    dir,
    "--save",
    "",
    "--appendonly",
    "yes",
    "--appendfsync",
    "everysec",
  );
  const redisServer = server("redis", url);
  const sqliteServer = server("sqlite", join(dir, "served.db"));
  return [
    { name: "Redis, direct", store: new RedisJobStore(url), pids: [redis] },
    {
      name: "Redis, store process",
      store: new SocketJobStore(redisServer.socket),
      pids: [redis, redisServer.pid],
    },
    { name: "SQLite, in process", store: new SqliteJobStore(join(dir, "own.db")), pids: [] },
    {
      name: "SQLite, store process",
      store: new SocketJobStore(sqliteServer.socket),
      pids: [sqliteServer.pid],
    },
  ];
}

async function measure(way: Way, jobs: number): Promise<void> {
  const { store } = way;
  const make = (n: number) => Array.from({ length: n }, () => newJob("bench", PAYLOAD));
  await store.enqueue(make(1));
  await work(store, 1);
  const single = Math.ceil(jobs / 10);
  await row(way, "enqueue 1, one caller", single, async () => {
    for (let i = 0; i < single; i++) await store.enqueue(make(1));
  });
  await row(way, `enqueue 1, ${CONCURRENCY} callers`, jobs, () =>
    parallel(jobs, () => store.enqueue(make(1))),
  );
  await work(store, single + jobs);
  await row(way, "enqueue 100", jobs, async () => {
    for (let i = 0; i < jobs; i += 100) await store.enqueue(make(100));
  });
  await row(way, `claim and settle ${CONCURRENCY}`, jobs, () => work(store, jobs));
}

/** Claims and acknowledges `jobs` jobs, the settling of a batch beside the next claim. */
async function work(store: JobStore, jobs: number): Promise<void> {
  const { signal } = new AbortController();
  let settling: Promise<unknown> = Promise.resolve();
  for (let done = 0; done < jobs; ) {
    const { jobs: claimed } = await store.claim("default", "bench", CONCURRENCY, 1000, signal);
    done += claimed.length;
    await settling;
    settling = store.settle(
      "bench",
      claimed.map(({ queue, fence }) => ({ queue, fence, outcome: { kind: "ack" } })),
    );
  }
  await settling;
}

async function parallel(times: number, once: () => Promise<unknown>): Promise<void> {
  let left = times;
  const caller = async () => {
    while (left-- > 0) await once();
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, caller));
}

async function row(way: Way, what: string, jobs: number, run: () => Promise<void>): Promise<void> {
  const before = { us: cpuUs(way.pids), own: process.cpuUsage(), ms: performance.now() };
  await run();
  const seconds = (performance.now() - before.ms) / 1000;
  const own = process.cpuUsage(before.own);
  const client = (own.user + own.system) / jobs;
  const server = (cpuUs(way.pids) - before.us) / jobs;
  console.log(
    `| ${way.name} | ${what} | ${Math.round(jobs / seconds)} | ${client.toFixed(1)} | ${server.toFixed(1)} |`,
  );
}

/** User and system time of processes so far (proc(5), /proc/PID/stat fields 14 and 15). */
function cpuUs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return sum + (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_US;
  }, 0);
}
