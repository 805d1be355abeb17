import { join } from "node:path";
import { median } from "../rig/distribution.ts";
import type { Rig } from "../rig/rig.ts";
import { say } from "../rig/say.ts";
import { warmUp } from "../rig/wrk.ts";
import type { OpenLoopResult } from "./open_loop.ts";
import type { Options } from "./options.ts";
import type { Origin } from "./origin.ts";
import { type Cores, startProxies } from "./proxies.ts";
import type { OfferedRow } from "./table.ts";

const CONNECTIONS = 64;

/** Latency at a load that does not depend on the answers; the origin asked directly is what the means can show at best. */
export async function measureOffered(
  rig: Rig,
  origin: Origin,
  cores: Cores,
  options: Options,
): Promise<OfferedRow[]> {
  say("latency at the same offered load");
  const { rounds, seconds, offered } = options;
  const proxies = await startProxies(rig, origin, cores, { ...options, withLog: false }, false);
  const asked = [{ name: "no proxy", port: origin.port }, ...proxies];
  const runs = new Map(asked.map(({ name }) => [name, [] as OpenLoopResult[]]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, port } of round % 2 ? asked.toReversed() : asked) {
      await warmUp(rig, port, options.warmUp, cores.load);
      const words = [port, CONNECTIONS, offered, seconds].map(String);
      const script = join(import.meta.dir, "open_loop.ts");
      const child = rig.pipe([process.execPath, script, ...words], cores.load);
      runs.get(name)?.push((await new Response(child.stdout).json()) as OpenLoopResult);
    }
  }
  for (const proxy of proxies) rig.stop(proxy);
  return [...runs].map(([proxy, own]) => ({
    proxy,
    offered,
    perSecond: median(own.map(({ requests, seconds: s }) => requests / s)),
    p50Us: median(own.map(({ p50Us }) => p50Us)),
    p99Us: median(own.map(({ p99Us }) => p99Us)),
    worstGapMs: Math.max(...own.map(({ worstGapMs }) => worstGapMs)),
    requests: own.reduce((sum, { requests }) => sum + requests, 0),
    failed: own.reduce((sum, { failed }) => sum + failed, 0),
  }));
}
