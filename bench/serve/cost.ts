import type { CpuRow } from "../rig/cpu_table.ts";
import { measureRounds } from "../rig/rounds.ts";
import { say } from "../rig/say.ts";
import { FIRST_WARM_UP_S, warmUp } from "../rig/wrk.ts";
import type { Available } from "./available.ts";
import { SERVE_CASES } from "./case.ts";
import type { Options } from "./options.ts";
import { type ServeParts, startServer } from "./servers.ts";

/** What a request costs when the load asks as fast as it can; one process answers, of Starman four. */
export async function measureCost(
  parts: ServeParts,
  available: Available,
  loadCore: number | undefined,
  options: Options,
): Promise<CpuRow[]> {
  const { rig } = parts.place;
  const rows: CpuRow[] = [];
  for (const work of SERVE_CASES.filter(({ name }) => options.cases.includes(name))) {
    say(work.title);
    const contenders = [];
    for (const name of available.of(work.servers)) contenders.push(await startServer(name, parts));
    const { connections } = work;
    for (const { port } of contenders) {
      await warmUp(rig, port, options.warmUp && FIRST_WARM_UP_S, loadCore, connections);
    }
    rows.push(...(await measureRounds(rig, work, contenders, work.measure, options, loadCore)));
    for (const pid of contenders.flatMap(({ pids }) => pids)) rig.stop({ pid });
  }
  return rows;
}
