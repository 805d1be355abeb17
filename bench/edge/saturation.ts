import type { CpuRow } from "../rig/cpu_table.ts";
import type { Rig, Running } from "../rig/rig.ts";
import { type Contender, measureRounds } from "../rig/rounds.ts";
import { say } from "../rig/say.ts";
import { FIRST_WARM_UP_S, warmUp } from "../rig/wrk.ts";
import { EDGE_CASES } from "./case.ts";
import type { Options } from "./options.ts";
import type { Origin } from "./origin.ts";
import { type Cores, HAPROXY_OVER_TCP, startProxies } from "./proxies.ts";

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
    const proxies = (edgeCase.unix ? [...own, ...measure] : tcp).map(contender);
    rows.push(...(await measureRounds(rig, edgeCase, proxies, HAPROXY_OVER_TCP, options, cores.load)));
    for (const proxy of own) rig.stop(proxy);
  }
  for (const proxy of tcp) rig.stop(proxy);
  return rows;
}

function contender({ name, pid, port }: Running): Contender {
  return { name, port, pids: [pid] };
}
