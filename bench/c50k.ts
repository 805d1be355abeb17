/**
 * 50,000 requests in flight at once through one Trivet, on your own machine: an origin answers after a delay, and
 * until then all of them are open.
 *
 *   bun bench/c50k.ts [--trivet dist/trivet] [--n 50000] [--delay 20]
 *
 * First it checks what the kernel allows and says what to change; then it goes on with as many as fit.
 *
 *   --delay  seconds until the origin answers; the requests start evenly over the first half of them
 *   --check  only checks
 *   --json   one JSON object instead of the table
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Finding } from "../shared/doctor/capacity.ts";
import { readKernelLimits } from "../shared/doctor/kernel_limits.ts";
import { UserError } from "../shared/user_error.ts";
import type { CrowdMessage } from "./c50k/message.ts";
import { type CrowdPlan, planCrowd } from "./c50k/plan.ts";
import { CrowdTally } from "./c50k/tally.ts";
import { describeMachine, needBinary } from "./rig/machine.ts";
import { startTrivet } from "./rig/peers.ts";
import { memoryOf } from "./rig/process_tree.ts";
import { Rig, type Running } from "./rig/rig.ts";
import { runBench } from "./rig/run_bench.ts";
import { say } from "./rig/say.ts";

/** Beyond twice the delay. */
const PATIENCE_MS = 60_000;
const SAMPLE_MS = 1000;
const POLL_MS = 50;
const MIB = 1024 ** 2;

async function main(): Promise<void> {
  const { binary, wanted, delayS, checkOnly, json } = readOptions();
  const check = planCrowd(readKernelLimits(), wanted, availableParallelism());
  for (const finding of check?.findings ?? []) say(lineOf(finding));
  if (!check) throw new UserError("This machine has no room for it: close other programs.");
  const { plan } = check;
  if (plan.requests < wanted) say(`going on with ${plan.requests} of ${wanted}: see above what to change`);
  if (checkOnly) return;
  needBinary(binary);
  using rig = new Rig();
  const tally = new CrowdTally(plan.requests, plan.origins);
  const take = (message: unknown) => tally.take(message as CrowdMessage);
  const origins = await startOrigins(rig, plan, delayS, take);
  const trivet = await startTrivet({ rig }, "Trivet", origins, {
    binary,
    workers: plan.workers,
    silenceS: delayS * 2 + 120,
  });
  const beforeBytes = memoryOf(trivet.pid);
  const startMs = performance.now();
  startLoads(rig, plan, trivet, delayS, take);
  const peakBytes = await watch(tally, plan, trivet, startMs + delayS * 2000 + PATIENCE_MS);
  const report = reportOf(plan, tally, delayS, { beforeBytes, peakBytes });
  console.log(json ? JSON.stringify(report) : pageOf(report));
  if (report.answered < plan.requests) throw new UserError("Some requests were not answered: see above.");
}

async function startOrigins(
  rig: Rig,
  { origins }: CrowdPlan,
  delayS: number,
  take: (message: unknown) => void,
): Promise<string[]> {
  const addresses: string[] = [];
  for (let i = 0; i < origins; i++) {
    const port = rig.freePort();
    const script = join(import.meta.dir, "c50k/late_origin.ts");
    const child = rig.talk(script, [i, port, delayS * 1000].map(String), take);
    await rig.ready("an origin", child, port);
    addresses.push(`127.0.0.1:${port}`);
  }
  return addresses;
}

function startLoads(
  rig: Rig,
  { requests, loads, sources }: CrowdPlan,
  { port }: Running,
  delayS: number,
  take: (message: unknown) => void,
): void {
  for (let i = 0; i < loads; i++) {
    const share = Math.floor(requests / loads) + (i < requests % loads ? 1 : 0);
    const words = [i, port, share, sources, (delayS * 1000) / 2, delayS * 2000 + PATIENCE_MS / 2];
    rig.talk(join(import.meta.dir, "c50k/load.ts"), words.map(String), take);
  }
}

/** Until all loads have ended, or `untilMs`; the most memory that the proxy had. */
async function watch(
  tally: CrowdTally,
  { loads }: CrowdPlan,
  trivet: Running,
  untilMs: number,
): Promise<number> {
  const startMs = performance.now();
  let peakBytes = 0;
  for (let saidS = 0; tally.done < loads && performance.now() < untilMs; await Bun.sleep(POLL_MS)) {
    const seconds = Math.floor((performance.now() - startMs) / SAMPLE_MS);
    if (seconds <= saidS) continue;
    saidS = seconds;
    const bytes = memoryOf(trivet.pid);
    peakBytes = Math.max(peakBytes, bytes);
    const { asked, held, answered, failed } = tally.progress;
    say(
      `${seconds} s: ${asked} asked, ${held} held, ${answered} answered, ${failed} failed, ${mib(bytes)} MiB`,
    );
  }
  return peakBytes;
}

interface Report {
  machine: string;
  plan: CrowdPlan;
  delayS: number;
  /** Requests in flight at one moment. */
  heldMost: number;
  answered: number;
  failed: number;
  reasons: Record<string, number>;
  /** Beyond the delay. */
  latencyMs: { p50: number; p90: number; p99: number; max: number };
  beforeBytes: number;
  peakBytes: number;
}

function reportOf(
  plan: CrowdPlan,
  tally: CrowdTally,
  delayS: number,
  memory: { beforeBytes: number; peakBytes: number },
): Report {
  const beyond = tally.times.percentiles([0.5, 0.9, 0.99, 1]).map((ms) => ms - delayS * 1000);
  const [p50 = 0, p90 = 0, p99 = 0, max = 0] = beyond;
  return {
    machine: describeMachine(),
    plan,
    delayS,
    heldMost: tally.heldMost,
    answered: tally.times.count,
    failed: plan.requests - tally.times.count,
    reasons: Object.fromEntries(tally.reasons),
    latencyMs: { p50, p90, p99, max },
    ...memory,
  };
}

function pageOf(report: Report): string {
  const { plan, latencyMs, reasons } = report;
  const { p50, p90, p99, max } = latencyMs;
  const perRequest = (report.peakBytes - report.beforeBytes) / plan.requests;
  const rows = [
    ["requests", String(plan.requests)],
    ["in flight at one moment, most", String(report.heldMost)],
    ["answered", String(report.answered)],
    ["failed", [report.failed, ...Object.entries(reasons).map(([why, n]) => `${n} ${why}`)].join("; ")],
    [
      "latency beyond the delay, ms",
      `p50 ${p50.toFixed(0)}, p90 ${p90.toFixed(0)}, p99 ${p99.toFixed(0)}, most ${max.toFixed(0)}`,
    ],
    ["memory of the proxy (PSS), MiB", `${mib(report.beforeBytes)} before, ${mib(report.peakBytes)} at most`],
    ["bytes a request in flight", perRequest.toFixed(0)],
  ];
  return `${report.machine}
${plan.workers} data-plane processes, ${plan.loads} load processes from ${plan.sources} addresses, ${plan.origins} origins that answer after ${report.delayS} s

| | |
|---|---|
${rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}`;
}

function lineOf({ ok, name, sentence, change }: Finding): string {
  return ok ? `ok    ${name}: ${sentence}` : `short ${name}: ${sentence}; ${change}`;
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      trivet: { type: "string", default: join(import.meta.dir, "../dist/trivet") },
      n: { type: "string", default: "50000" },
      delay: { type: "string", default: "20" },
      check: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  return {
    binary: values.trivet,
    wanted: number(values.n, "--n"),
    delayS: number(values.delay, "--delay"),
    checkOnly: values.check,
    json: values.json,
  };
}

function number(text: string, flag: string): number {
  const value = Number(text);
  if (!(value >= 1)) throw new UserError(`${flag} ${text}: give a number from 1`, 2);
  return value;
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}

await runBench(main);
