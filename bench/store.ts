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
  /** How another process opens it. */
  open: [kind: "redis" | "socket" | "sqlite", place: string];
  /** Processes other than this one that work for it. */
  pids: number[];
}

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
    console.log(
      "| way | work | jobs/s | client µs/job | server µs/job | worst stall of the client, ms |\n|---|---|---|---|---|---|",
    );
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
    { name: "Redis, direct", store: new RedisJobStore(url), open: ["redis", url], pids: [redis] },
    {
      name: "Redis, store process",
      store: new SocketJobStore(redisServer.socket),
      open: ["socket", redisServer.socket],
      pids: [redis, redisServer.pid],
    },
    {
      name: "SQLite, in process",
      store: new SqliteJobStore(join(dir, "own.db")),
      open: ["sqlite", join(dir, "own.db")],
      pids: [],
    },
    {
      name: "SQLite, store process",
      store: new SocketJobStore(sqliteServer.socket),
      open: ["socket", sqliteServer.socket],
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
    parallel(jobs, CONCURRENCY, () => store.enqueue(make(1))),
  );
  await work(store, single + jobs);
  await row(way, "enqueue 100", jobs, async () => {
    for (let i = 0; i < jobs; i += 100) await store.enqueue(make(100));
  });
  await row(way, `claim and settle ${CONCURRENCY}`, jobs, () => work(store, jobs));
  await rowOfTwo(way, jobs);
}

/** Two processes enqueue one job at a time, as two children of an app server do. */
async function rowOfTwo(way: Way, jobs: number): Promise<void> {
  const before = cpuUs(way.pids);
  const words = [process.execPath, import.meta.path, "enqueue", ...way.open, String(jobs / 2)];
  const callers = [1, 2].map(() => Bun.spawn(words, { stdio: ["ignore", "pipe", "inherit"] }));
  const reports = await Promise.all(
    callers.map(async (caller) => (await new Response(caller.stdout).json()) as Report),
  );
  const ms = Math.max(...reports.map((report) => report.ms));
  const client = reports.reduce((sum, { us }) => sum + us, 0) / jobs;
  const worstMs = Math.max(...reports.map((report) => report.worstStallMs));
  print(
    way,
    `enqueue 1, 2 processes of ${CONCURRENCY / 2} callers`,
    (jobs / ms) * 1000,
    client,
    (cpuUs(way.pids) - before) / jobs,
    worstMs,
  );
}

interface Report {
  ms: number;
  us: number;
  worstStallMs: number;
}

/** One of the two: prints its report. */
async function enqueueOnly([kind = "", place = "", jobs = ""]: readonly string[]): Promise<void> {
  const store =
    kind === "redis"
      ? new RedisJobStore(place)
      : kind === "socket"
        ? new SocketJobStore(place)
        : new SqliteJobStore(place);
  const once = () => store.enqueue([newJob("bench", PAYLOAD)]);
  await once();
  const stalls = new Stalls();
  const before = { ms: performance.now(), cpu: process.cpuUsage() };
  await parallel(Number(jobs), CONCURRENCY / 2, once);
  const { user, system } = process.cpuUsage(before.cpu);
  const report: Report = {
    ms: performance.now() - before.ms,
    us: user + system,
    worstStallMs: stalls.stop(),
  };
  console.log(JSON.stringify(report));
  await store.close();
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

async function parallel(times: number, callers: number, once: () => Promise<unknown>): Promise<void> {
  let left = times;
  const caller = async () => {
    while (left-- > 0) await once();
  };
  await Promise.all(Array.from({ length: callers }, caller));
}

async function row(way: Way, what: string, jobs: number, run: () => Promise<void>): Promise<void> {
  const stalls = new Stalls();
  const before = { us: cpuUs(way.pids), own: process.cpuUsage(), ms: performance.now() };
  await run();
  const seconds = (performance.now() - before.ms) / 1000;
  const own = process.cpuUsage(before.own);
  print(
    way,
    what,
    jobs / seconds,
    (own.user + own.system) / jobs,
    (cpuUs(way.pids) - before.us) / jobs,
    stalls.stop(),
  );
}

function print(
  way: Way,
  what: string,
  rate: number,
  clientUs: number,
  serverUs: number,
  stallMs: number,
): void {
  const numbers = [Math.round(rate), clientUs.toFixed(1), serverUs.toFixed(1), stallMs.toFixed(0)];
  console.log(`| ${[way.name, what, ...numbers].join(" | ")} |`);
}

/** User and system time of processes so far (proc(5), /proc/PID/stat fields 14 and 15). */
function cpuUs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return sum + (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_US;
  }, 0);
}

/** The longest time in which this process could not answer anybody. */
class Stalls {
  #last = performance.now();
  #worstMs = 0;
  readonly #timer = setInterval(() => {
    const now = performance.now();
    this.#worstMs = Math.max(this.#worstMs, now - this.#last);
    this.#last = now;
  }, 1);

  stop(): number {
    clearInterval(this.#timer);
    return Math.max(this.#worstMs, performance.now() - this.#last);
  }
}

const [role, ...rest] = process.argv.slice(2);
if (role === "serve") serve(rest);
else if (role === "enqueue") await enqueueOnly(rest);
else await drive(Number(role ?? 30_000));
