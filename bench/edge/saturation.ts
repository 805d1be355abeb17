import { median } from "../rig/distribution.ts";
import { cpuUsOf } from "../rig/process_tree.ts";
import type { Rig, Running } from "../rig/rig.ts";
import { say } from "../rig/say.ts";
import { EDGE_CASES, type EdgeCase } from "./case.ts";
import type { Options } from "./options.ts";
import type { Origin } from "./origin.ts";
import { type Cores, HAPROXY_OVER_TCP, startProxies } from "./proxies.ts";
import type { CpuRow } from "./table.ts";
import { FIRST_WARM_UP_S, runWrk, warmUp } from "./wrk.ts";

/** What a request costs when the load asks as fast as it can. */
export async function measureCpu(
  rig: Rig,
  origin: Origin,
  cores: Cores,
  options: Options,
): Promise<CpuRow[]> {
  const cases = EDGE_CASES.filter(({ name }) => options.cases.includes(name));
  if (cases.length === 0) return [];
  const tcp = await startProxies(rig, origin, cores, options, false);
  for (const { port } of tcp) await warmUp(rig, port, options.warmUp && FIRST_WARM_UP_S, cores.load);
  const rows: CpuRow[] = [];
  for (const edgeCase of cases) {
    say(edgeCase.title);
    const own = edgeCase.unix ? await startProxies(rig, origin, cores, options, true) : [];
    for (const { port } of own) await warmUp(rig, port, options.warmUp && FIRST_WARM_UP_S, cores.load);
    const measure = tcp.filter(({ name }) => name === HAPROXY_OVER_TCP);
    rows.push(
      ...(await measureCase(rig, edgeCase, edgeCase.unix ? [...own, ...measure] : tcp, cores, options)),
    );
    for (const proxy of own) rig.stop(proxy);
  }
  for (const proxy of tcp) rig.stop(proxy);
  return rows;
}

/** Rounds go forth and back over the proxies, so that none is always first. */
async function measureCase(
  rig: Rig,
  edgeCase: EdgeCase,
  proxies: readonly Running[],
  { load }: Cores,
  options: Options,
): Promise<CpuRow[]> {
  const { rounds, seconds } = options;
  const runs = new Map(proxies.map(({ name }) => [name, [] as Run[]]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, pid, port } of round % 2 ? proxies.toReversed() : proxies) {
      const work = { ...loadOf(edgeCase), port, core: load };
      if (options.warmUp > 0) await runWrk(rig, { ...work, seconds: options.warmUp });
      const before = cpuUsOf(pid);
      const result = await runWrk(rig, { ...work, seconds });
      const cpuUs = cpuUsOf(pid) - before;
      runs.get(name)?.push({ ...result, cpuUs, costUs: cpuUs / Math.max(1, result.requests) });
    }
  }
  const measure = runs.get(HAPROXY_OVER_TCP) ?? [];
  return [...runs].map(([proxy, own]) => rowOf(edgeCase.title, proxy, own, measure));
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

function rowOf(title: string, proxy: string, runs: readonly Run[], measure: readonly Run[]): CpuRow {
  const ratios = runs.flatMap(({ costUs }, i) => {
    const other = measure[i];
    return other ? [costUs / other.costUs] : [];
  });
  return {
    title,
    proxy,
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

function loadOf({ request, connections, closing = false }: EdgeCase) {
  return { request, connections, closing };
}
