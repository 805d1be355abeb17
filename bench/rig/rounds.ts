import type { CpuRow } from "./cpu_table.ts";
import { median } from "./distribution.ts";
import { cpuUsOf } from "./process_tree.ts";
import type { Request } from "./request.ts";
import type { Rig } from "./rig.ts";
import { runWrk } from "./wrk.ts";

/** What is measured beside others: a port, and the processes that answer there. */
export interface Contender {
  name: string;
  port: number;
  /** The roots of its process trees. */
  pids: readonly number[];
}

/** One kind of work at saturation. */
export interface Work {
  title: string;
  request: Request;
  connections: number;
  closing?: boolean;
}

export interface RoundOptions {
  rounds: number;
  seconds: number;
  /** Before each measurement. */
  warmUp: number;
}

/**
 * What a request costs each of them when the load asks as fast as it can. Ratios are to the contender of the name
 * `measure`. Rounds go forth and back, so that none is always first.
 */
export async function measureRounds(
  rig: Rig,
  work: Work,
  contenders: readonly Contender[],
  measure: string,
  { rounds, seconds, warmUp }: RoundOptions,
  loadCore: number | undefined,
): Promise<CpuRow[]> {
  const runs = new Map(contenders.map(({ name }) => [name, [] as Run[]]));
  const { request, connections, closing = false } = work;
  for (let round = 0; round < rounds; round++) {
    for (const { name, pids, port } of round % 2 ? contenders.toReversed() : contenders) {
      const load = { request, connections, closing, port, core: loadCore };
      if (warmUp > 0) await runWrk(rig, { ...load, seconds: warmUp });
      const before = cpuUsOfAll(pids);
      const result = await runWrk(rig, { ...load, seconds });
      const cpuUs = cpuUsOfAll(pids) - before;
      runs.get(name)?.push({ ...result, cpuUs, costUs: cpuUs / Math.max(1, result.requests) });
    }
  }
  return [...runs].map(([name, own]) => rowOf(work.title, name, own, runs.get(measure) ?? []));
}

function cpuUsOfAll(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuUsOf(pid), 0);
}

interface Run {
  requests: number;
  failed: number;
  seconds: number;
  p50Us: number;
  p99Us: number;
  cpuUs: number;
  costUs: number;
}

function rowOf(title: string, name: string, runs: readonly Run[], measure: readonly Run[]): CpuRow {
  const ratios = runs.flatMap(({ costUs }, i) => {
    const other = measure[i];
    return other ? [costUs / other.costUs] : [];
  });
  return {
    title,
    name,
    cpuUs: median(runs.map(({ costUs }) => costUs)),
    ratio: median(ratios),
    ratioMin: Math.min(...ratios),
    ratioMax: Math.max(...ratios),
    perSecond: median(runs.map(({ requests, seconds }) => requests / seconds)),
    busy: median(runs.map(({ cpuUs, seconds }) => cpuUs / 1e6 / seconds)),
    p50Us: median(runs.map(({ p50Us }) => p50Us)),
    p99Us: median(runs.map(({ p99Us }) => p99Us)),
    requests: runs.reduce((sum, { requests }) => sum + requests, 0),
    failed: runs.reduce((sum, { failed }) => sum + failed, 0),
  };
}
