/**
 * What a request costs at the edge, beside HAProxy and nginx: the same work, in turns, in one run.
 *
 *   bun bench/edge.ts [--trivet dist/trivet] [--trivet OTHER] [--cases get36,…] [--rounds 5] [--seconds 2.5]
 *
 * A proxy has core 0; the load (wrk) and the origin (nginx) share core 1. CPU is that of the proxy's whole process
 * tree. The ratio is the median over the rounds of the ratio to HAProxy in the same round: on a machine with other
 * work only ratios mean something, and the span beside them says how much.
 *
 *   --cases    get36, get10k, get1m, post10k, close (a connection a request), unix (the server on a unix socket),
 *              offered (latency at the same offered load), idle (memory an idle connection); all by default
 *   --peers    haproxy,nginx
 *   --log json adds Trivet with its access log on, to a file
 *   --warm-up  seconds before each measurement, 0.4
 *   --offered  requests a second for "offered", 8000
 *   --idle     connections for "idle", 9000
 *   --json     one JSON object instead of tables
 */
import { availableParallelism } from "node:os";
import { UserError } from "../shared/user_error.ts";
import { measureIdle } from "./edge/idle_memory.ts";
import { measureOffered } from "./edge/offered_load.ts";
import { type Options, readOptions } from "./edge/options.ts";
import { startOrigin } from "./edge/origin.ts";
import type { Cores } from "./edge/proxies.ts";
import { measureCpu } from "./edge/saturation.ts";
import { type IdleRow, idleTable, type OfferedRow, offeredTable } from "./edge/table.ts";
import { type CpuRow, cpuTable } from "./rig/cpu_table.ts";
import { describeMachine, needBinary, needPrograms, versionsOf } from "./rig/machine.ts";
import { Rig } from "./rig/rig.ts";
import { runBench } from "./rig/run_bench.ts";
import { say } from "./rig/say.ts";

async function main(): Promise<void> {
  const options = readOptions();
  needPrograms(["wrk", "nginx", "taskset", ...options.peers]);
  for (const binary of options.binaries) needBinary(binary);
  const alone = availableParallelism() === 1;
  const cores: Cores = alone ? { proxy: undefined, load: undefined } : { proxy: 0, load: 1 };
  if (alone) say("One core: proxy, load and origin share it, and ratios mean little.");
  using rig = new Rig();
  const origin = await startOrigin(rig, cores.load);
  const cpu = await measureCpu(rig, origin, cores, options);
  const offered = options.cases.includes("offered") ? await measureOffered(rig, origin, cores, options) : [];
  const idle = options.cases.includes("idle") ? await measureIdle(rig, origin, cores, options) : [];
  const programs = [...new Set([...options.peers, "nginx", "wrk"])];
  const versions = versionsOf(programs.map((program) => [program, "-v"]));
  const report = { machine: describeMachine(), versions, cpu, offered, idle };
  console.log(options.json ? JSON.stringify(report) : pageOf(report, options));
  if ([...cpu, ...offered, ...idle].some(({ failed }) => failed > 0)) {
    throw new UserError("Some requests failed: see the last column.");
  }
}

interface Report {
  machine: string;
  versions: string;
  cpu: CpuRow[];
  offered: OfferedRow[];
  idle: IdleRow[];
}

function pageOf({ machine, versions, cpu, offered, idle }: Report, { rounds, seconds }: Options): string {
  return [
    `${machine}\n${versions}\n${rounds} rounds of ${seconds} s`,
    ...(cpu.length > 0 ? [cpuTable(cpu, "proxy")] : []),
    ...(offered.length > 0 ? [offeredTable(offered)] : []),
    ...(idle.length > 0 ? [idleTable(idle)] : []),
  ].join("\n\n");
}

await runBench(main);
