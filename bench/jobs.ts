/**
 * What a job costs beside BullMQ 6: the same work, in turns, in one run, each with a redis-server of its own
 * (appendonly everysec), both in Bun. CPU is that of the client's process tree and of redis-server.
 *
 *   bun bench/jobs.ts [--trivet dist/trivet] [--cases process,enqueue,latency,sqlite,ceiling] [--jobs 30000]
 *
 *   process   one worker process empties a full queue: concurrency 50, a handler that does nothing; fenced, leased
 *   enqueue   one process: 1000 a call, 50 callers of one job a call, one caller; beside that one bare XADDs, by the same
 *             client library and over a bare socket
 *   latency   enqueue to the begin of the handler, idle worker; Redis, and Trivet on SQLite beside the fsync alone
 *   sqlite    trivet up on SQLite (synchronous FULL): 2 apps enqueue, 2 worker processes work
 *   ceiling   bare pipelined XADD, and XREADGROUP, XACK, XDEL, 100 at a time
 *
 *   --rounds  each case so often; the median is told, 3
 *   --bullmq  a node_modules with bullmq and ioredis; installed by npm into a temporary folder when absent
 *   --json    one JSON object instead of tables
 */
import { parseArgs } from "node:util";
import { bullmq } from "./jobs/bullmq.ts";
import { type Ceiling, ceiling } from "./jobs/ceiling.ts";
import { type Contender, ENQUEUE_KINDS, enqueue, latencies, process_ } from "./jobs/contender.ts";
import { floors } from "./jobs/floor.ts";
import { fsyncTimes } from "./jobs/fsync.ts";
import { BenchRedis } from "./jobs/redis.ts";
import {
  type CostRow,
  costTable,
  type LatencyRow,
  latencyTable,
  sqliteTable,
  summary,
} from "./jobs/report.ts";
import { type SqliteRow, sqliteLatencies, sqliteSite } from "./jobs/sqlite_site.ts";
import { trivet } from "./jobs/trivet.ts";
import { number, words } from "./rig/flags.ts";
import { describeMachine, needBinary, needPrograms, versionsOf } from "./rig/machine.ts";
import { Rig } from "./rig/rig.ts";
import { runBench } from "./rig/run_bench.ts";
import { say } from "./rig/say.ts";

const CASES = ["process", "enqueue", "latency", "sqlite", "ceiling"];
const CONCURRENCY = 50;
/** A lone caller waits for each reply: fewer do. */
const SINGLE_PART = 5;
const LATENCY_JOBS = 300;

interface Options {
  binary: string;
  cases: readonly string[];
  jobs: number;
  rounds: number;
  modules: string | undefined;
  json: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      trivet: { type: "string", default: "dist/trivet" },
      cases: { type: "string", default: CASES.join(",") },
      jobs: { type: "string", default: "30000" },
      rounds: { type: "string", default: "3" },
      bullmq: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  return {
    binary: Bun.resolveSync(`./${values.trivet}`.replace(/^\.\/\//, "/"), process.cwd()),
    cases: words(values.cases, CASES, "--cases"),
    jobs: Math.max(1000, Math.ceil(number(values.jobs, "--jobs") / 1000) * 1000),
    rounds: Math.max(1, number(values.rounds, "--rounds")),
    modules: values.bullmq,
    json: values.json,
  };
}

async function main(): Promise<void> {
  const options = readOptions();
  needPrograms(["redis-server", "redis-cli"]);
  needBinary(options.binary);
  using rig = new Rig();
  const { cases, jobs, rounds, binary } = options;
  const both = [
    trivet(rig, await BenchRedis.start(rig), binary, CONCURRENCY),
    await bullmq(rig, await BenchRedis.start(rig), options.modules, CONCURRENCY),
  ];
  const costs: CostRow[] = [];
  if (cases.includes("process")) costs.push(...(await processing(both, jobs, rounds)));
  if (cases.includes("enqueue")) costs.push(...(await enqueuing(rig, both, jobs, rounds)));
  if (cases.includes("ceiling")) costs.push(...(await ceilings(rig, jobs)));
  const latency: LatencyRow[] = [];
  if (cases.includes("latency")) {
    latency.push(...(await latencyRows(both)));
    latency.push(...(await sqliteRows(rig, binary)));
  }
  const sqlite: SqliteRow[] = [];
  for (let round = 0; round < rounds && cases.includes("sqlite"); round++) {
    say("Trivet: SQLite, 2 apps, 2 workers");
    sqlite.push(await sqliteSite(rig, binary, round, jobs));
  }
  const versions = versionsOf([["redis-server", "--version"]]);
  if (options.json) return console.log(JSON.stringify({ costs, latency, sqlite }));
  console.log(`${describeMachine()}\n${versions}\n${jobs} jobs, ${rounds} rounds`);
  for (const part of [costTable(costs), latencyTable(latency), sqliteTable(sqlite)])
    if (part) console.log(`\n${part}`);
}

async function processing(both: readonly Contender[], jobs: number, rounds: number): Promise<CostRow[]> {
  const rows = await inTurns(both, rounds, async (contender) => {
    say(`${contender.name}: process`);
    const { cost, jobBytes, leftBytes } = await process_(contender, jobs);
    return { work: `process, ${CONCURRENCY} at a time`, name: contender.name, cost, jobBytes, leftBytes };
  });
  return rows;
}

async function enqueuing(
  rig: Rig,
  both: readonly Contender[],
  jobs: number,
  rounds: number,
): Promise<CostRow[]> {
  const rows: CostRow[] = [];
  const lone = floors(rig, await BenchRedis.start(rig));
  for (const kind of ENQUEUE_KINDS) {
    const work = {
      bulk: "enqueue 1000 a call",
      callers: "enqueue, 50 callers",
      single: "enqueue, one caller",
    }[kind];
    const count = kind === "single" ? jobs / SINGLE_PART : jobs;
    rows.push(
      ...(await inTurns(kind === "single" ? [...both, ...lone] : both, rounds, async (contender) => {
        say(`${contender.name}: ${work}`);
        await contender.redis.ask("FLUSHALL");
        return { work, name: contender.name, cost: await enqueue(contender, kind, count) };
      })),
    );
  }
  for (const { redis } of both) await redis.ask("FLUSHALL");
  return rows;
}

async function ceilings(rig: Rig, jobs: number): Promise<CostRow[]> {
  const { add, work }: Ceiling = await ceiling(await BenchRedis.start(rig), jobs);
  const name = "bare commands";
  return [
    { work: "XADD, 100 a round trip", name, cost: add },
    { work: "XREADGROUP, XACK, XDEL of 100", name, cost: work },
  ];
}

async function latencyRows(contenders: readonly Contender[]): Promise<LatencyRow[]> {
  const rows: LatencyRow[] = [];
  for (const contender of contenders) {
    say(`${contender.name}: latency`);
    rows.push({ name: contender.name, ms: await latencies(contender, LATENCY_JOBS) });
  }
  return rows;
}

/** A job waits for one commit, so for one fsync: what that takes on this disk is told beside it. */
async function sqliteRows(rig: Rig, binary: string): Promise<LatencyRow[]> {
  say("Trivet, SQLite: latency");
  const before = await fsyncTimes(rig.dir, LATENCY_JOBS / 2);
  const ms = await sqliteLatencies(rig, binary, LATENCY_JOBS);
  const fsync = [...before, ...(await fsyncTimes(rig.dir, LATENCY_JOBS / 2))].toSorted((a, b) => a - b);
  const middle = fsync[Math.floor(fsync.length / 2)] ?? 0;
  return [
    { name: "Trivet, SQLite", ms },
    { name: "fsync alone, as much as a commit writes", ms: fsync },
    { name: "Trivet, SQLite, less the median fsync", ms: ms.map((one) => one - middle) },
  ];
}

/** Each in its turn, so often. */
async function inTurns<Who>(
  all: readonly Who[],
  rounds: number,
  measure: (contender: Who) => Promise<CostRow>,
): Promise<CostRow[]> {
  const done: CostRow[][] = [];
  for (let round = 0; round < rounds; round++) {
    const rows: CostRow[] = [];
    for (const contender of all) rows.push(await measure(contender));
    done.push(rows);
  }
  return summary(done);
}

await runBench(main);
