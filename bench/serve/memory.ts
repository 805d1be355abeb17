import { memoryOf } from "../rig/process_tree.ts";
import type { Contender } from "../rig/rounds.ts";
import { say } from "../rig/say.ts";
import { warmUp } from "../rig/wrk.ts";
import type { Available } from "./available.ts";
import { type ServeParts, type ServerName, startServer, startStarman } from "./servers.ts";
import type { MemoryRow } from "./table.ts";

const FEW = 1;
const MANY = 4;
const SETTLE_MS = 1000;
const CONNECTIONS = 64;

const SERVERS: readonly ServerName[] = [
  "trivet serve",
  "trivet serve, Elysia",
  "Bun.serve",
  "Elysia",
  "node:http cluster",
  "PM2 cluster",
  "Starman",
];

/** Memory (PSS) of a server with one process that answers and with four, each after some work. */
export async function measureMemory(
  parts: ServeParts,
  available: Available,
  warmUpS: number,
  loadCore: number | undefined,
): Promise<MemoryRow[]> {
  say("memory a process");
  const rows: MemoryRow[] = [];
  for (const name of available.of(SERVERS)) {
    const few = await measured(parts, name, FEW, warmUpS, loadCore);
    const many = await measured(parts, name, MANY, warmUpS, loadCore);
    rows.push({ name, oneBytes: few, fourBytes: many, moreBytes: (many - few) / (MANY - FEW) });
  }
  return rows;
}

async function measured(
  parts: ServeParts,
  name: ServerName,
  workers: number,
  warmUpS: number,
  loadCore: number | undefined,
): Promise<number> {
  const { rig } = parts.place;
  const { port, pids } = await start({ ...parts, workers }, name);
  // Starman has as many connections as workers.
  const connections = name === "Starman" ? workers : CONNECTIONS;
  await warmUp(rig, port, warmUpS, loadCore, connections);
  if (warmUpS > 0) await Bun.sleep(SETTLE_MS);
  const bytes = pids.reduce((sum, pid) => sum + memoryOf(pid), 0);
  for (const pid of pids) rig.stop({ pid });
  return bytes;
}

async function start(parts: ServeParts, name: ServerName): Promise<Contender> {
  if (name !== "Starman") return startServer(name, parts);
  const { pid, port } = await startStarman(parts.place, parts.apps.psgi, parts.workers);
  return { name, port, pids: [pid] };
}
