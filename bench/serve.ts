/**
 * What a request costs at the app server, beside bare Bun and other app servers: the same hello, in turns, in one run.
 *
 *   bun bench/serve.ts [--trivet dist/trivet] [--cases fetch,…] [--rounds 5] [--seconds 2.5]
 *
 * The server, with its proxy if it has one, has core 0; the load (wrk) has core 1. CPU is that of all of the server's
 * processes. One process answers, except for Starman. The ratio is the median over the rounds of the ratio to another
 * server in the same round: to Bun.serve, Elysia, node:http cluster, Starman, HAProxy + Starman.
 *
 *   --cases    fetch, elysia, node, starman, site (edge and app server together),
 *              memory (a further process), start (of a process until it is ready); all by default
 *   --pm2      npm's pm2-runtime, for "node" and "memory"
 *   --warm-up  seconds before each measurement, 0.4
 *   --starts   how many for "start", 20
 *   --json     one JSON object instead of tables
 *
 * What is not on this machine is left out, and said.
 */
import { copyFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { UserError } from "../shared/user_error.ts";
import { type CpuRow, cpuTable } from "./rig/cpu_table.ts";
import { describeMachine, hasProgram, needBinary, needPrograms, versionsOf } from "./rig/machine.ts";
import { Rig } from "./rig/rig.ts";
import { runBench } from "./rig/run_bench.ts";
import { say } from "./rig/say.ts";
import { FIRST_WARM_UP_S } from "./rig/wrk.ts";
import { writeApps } from "./serve/apps.ts";
import { Available } from "./serve/available.ts";
import { measureCost } from "./serve/cost.ts";
import { measureMemory } from "./serve/memory.ts";
import { type Options, readOptions } from "./serve/options.ts";
import type { ServeParts } from "./serve/servers.ts";
import { measureStarts } from "./serve/start_up.ts";
import { type MemoryRow, memoryTable, type StartRow, startTable } from "./serve/table.ts";

const VERSIONS = [
  ["wrk", "-v"],
  ["starman", "--version"],
  ["node", "--version"],
  ["haproxy", "-v"],
  ["nginx", "-v"],
];

async function main(): Promise<void> {
  const options = readOptions();
  needPrograms(["wrk", "taskset"]);
  needBinary(options.trivet);
  const alone = availableParallelism() === 1;
  if (alone) say("One core: server and load share it, and ratios mean little.");
  const [core, loadCore] = alone ? [] : [0, 1];
  using rig = new Rig();
  const { trivet, pm2 } = options;
  const bun = join(rig.dir, "bun");
  copyFileSync(process.execPath, bun);
  const parts: ServeParts = { place: { rig, core }, apps: writeApps(rig), trivet, bun, pm2, workers: 1 };
  const available = new Available(pm2);
  const asked = (name: string) => options.cases.includes(name);
  const warmUpS = options.warmUp && FIRST_WARM_UP_S;
  const report: Report = {
    machine: describeMachine(),
    versions: versionsOf(VERSIONS.filter(([program = ""]) => hasProgram(program))),
    cpu: await measureCost(parts, available, loadCore, options),
    memory: asked("memory") ? await measureMemory(parts, available, warmUpS, loadCore) : [],
    starts: asked("start") ? await measureStarts(parts, options.starts) : [],
  };
  console.log(options.json ? JSON.stringify(report) : pageOf(report, options));
  if (report.cpu.some(({ failed }) => failed > 0)) {
    throw new UserError("Some requests failed: see the last column.");
  }
}

interface Report {
  machine: string;
  versions: string;
  cpu: CpuRow[];
  memory: MemoryRow[];
  starts: StartRow[];
}

function pageOf({ machine, versions, cpu, memory, starts }: Report, { rounds, seconds }: Options): string {
  return [
    `${machine}\n${versions}\n${rounds} rounds of ${seconds} s`,
    ...(cpu.length > 0 ? [cpuTable(cpu, "server")] : []),
    ...(memory.length > 0 ? [memoryTable(memory)] : []),
    ...(starts.length > 0 ? [startTable(starts)] : []),
  ].join("\n\n");
}

await runBench(main);
