import { join } from "node:path";
import { memoryOf } from "../rig/process_tree.ts";
import type { Rig } from "../rig/rig.ts";
import { say } from "../rig/say.ts";
import { FIRST_WARM_UP_S, warmUp } from "../rig/wrk.ts";
import type { Options } from "./options.ts";
import type { Origin } from "./origin.ts";
import { type Cores, startProxies } from "./proxies.ts";
import type { IdleRow } from "./table.ts";

const SETTLE_MS = 1000;

/** What a connection that was used once and stays open takes. */
export async function measureIdle(
  rig: Rig,
  origin: Origin,
  cores: Cores,
  options: Options,
): Promise<IdleRow[]> {
  say("memory an idle connection");
  const rows: IdleRow[] = [];
  for (const { name, pid, port } of await startProxies(
    rig,
    origin,
    cores,
    { ...options, withLog: false },
    false,
  )) {
    await warmUp(rig, port, options.warmUp && FIRST_WARM_UP_S, cores.load);
    await Bun.sleep(SETTLE_MS);
    const baseBytes = memoryOf(pid);
    const script = join(import.meta.dir, "idle_clients.ts");
    const clients = rig.pipe([process.execPath, script, String(port), String(options.idle)], cores.load);
    const { value } = await clients.stdout.getReader().read();
    const open = Number(new TextDecoder().decode(value));
    await Bun.sleep(SETTLE_MS);
    const bytes = memoryOf(pid);
    rows.push({
      proxy: name,
      baseBytes,
      connectionBytes: (bytes - baseBytes) / Math.max(1, open),
      connections: open,
      failed: options.idle - open,
    });
    rig.stop(clients);
    rig.stop({ pid });
  }
  return rows;
}
