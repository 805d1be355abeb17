import { plainLine } from "../shared/plain_text.ts";
import type { Status } from "../shared/process/overview.ts";
import { UserError } from "../shared/user_error.ts";
import { closedFolders, closedSentence, findRunning, type Running } from "./admin_client.ts";
import type { Invocation, Runner } from "./command.ts";
import type { TrafficView } from "./edges.ts";
import { complain, say, sayJson } from "./say.ts";
import { formatAge, formatTable } from "./table.ts";
import { trafficTable } from "./traffic_table.ts";

const WATCH_MS = 2000;
const MIB = 1024 * 1024;
/** Cursor home, clear to the end (ECMA-48, CUP and ED). */
const CLEAR_SCREEN = "\x1b[H\x1b[2J";

export const status: Runner = {
  async run(invocation) {
    while (invocation.flags.has("--watch")) {
      const running = await look(invocation);
      process.stdout.write(CLEAR_SCREEN);
      report(invocation, running);
      await Bun.sleep(WATCH_MS);
    }
    report(invocation, await look(invocation));
    await tellClosed(invocation);
    return 0;
  },
};

async function look(invocation: Invocation): Promise<Running[]> {
  const running = await findRunning(invocation);
  if (running.length > 0) return running;
  throw new UserError(
    'nothing runs here with this config: start it with "trivet up", or name the config with -c FILE',
  );
}

function report({ json }: Invocation, running: readonly Running[]): void {
  if (json) sayJson(running.map(({ mode, status }) => ({ mode, ...status })));
  else say(running.map(describe).join("\n\n"));
}

/** Those that run in a folder of another group are not among what was shown. */
async function tellClosed(invocation: Invocation): Promise<void> {
  const closed = await closedFolders(invocation);
  if (closed.length > 0) complain(`not all may be shown: ${closedSentence(closed)}`);
}

function describe({ mode, status }: Running): string {
  const now = Date.now();
  const age = formatAge(now - status.startedAtMs);
  const sections = [
    `trivet ${mode} ${status.version}  pid ${status.pid}  ${status.phase} for ${age}`,
    ...status.complaints.map((complaint) => `  ! ${plainLine(complaint)}`),
    ...Object.values(status.modes).flatMap(deadBackends),
    ...(Object.values(status.modes).some((part) => part["quiet"] === true)
      ? ["  quiet: the workers take no new job until they are restarted"]
      : []),
    ...Object.values(status.modes).flatMap((part) => unknownTypes(part["unknownTypes"])),
    childTable(status, now),
    ...Object.values(status.modes).flatMap((part) => partTables(part, now)),
  ];
  return sections.filter((section) => section !== "").join("\n\n");
}

/** Not a complaint of the node's: another one would not find them up either. */
function deadBackends({ backends = [] }: Partial<ModeParts>): string[] {
  const dead = backends.filter(
    ({ servers }) => servers.length > 0 && servers.every(({ state }) => state !== "up"),
  );
  return dead.map(({ name }) => `  ! no server of ${plainLine(name)} takes requests: its clients get 503`);
}

function unknownTypes(types: unknown): string[] {
  const names = ((types ?? []) as { type: string }[]).map(({ type }) => JSON.stringify(type));
  return names.length === 0
    ? []
    : [`  jobs whose type has no handler here wait for a worker that has one: ${names.join(", ")}`];
}

function childTable({ children }: Status, now: number): string {
  const rows = children.map(({ kind, slot, pid, state, startedAtMs, memoryBytes, restarts, detail }) => [
    `${kind} ${slot}`,
    String(pid),
    state,
    formatAge(now - startedAtMs),
    `${Math.round(memoryBytes / MIB)} MiB`,
    String(restarts),
    formatDetail(detail),
  ]);
  return formatTable(["CHILD", "PID", "STATE", "AGE", "MEMORY", "RESTARTS", ""], rows);
}

/** What each mode says of itself; parts of the same name look the same whoever says them. */
function partTables(part: Record<string, unknown>, now: number): string[] {
  const tables: string[] = [];
  const { traffic, listeners, backends, queues } = part as Partial<ModeParts>;
  const named = backends?.flatMap(({ name, traffic }) => (traffic ? [{ name, traffic }] : [])) ?? [];
  if (traffic) tables.push(trafficTable("REQUESTS", [{ name: "all", traffic }, ...named]));
  if (listeners?.length)
    tables.push(
      formatTable(
        ["LISTENER"],
        listeners.map(({ address }) => [address]),
      ),
    );
  const servers =
    backends?.flatMap(({ name, queued, servers }) =>
      servers.map((server) => ({ name, queued, ...server })),
    ) ?? [];
  if (servers.length > 0) {
    const rows = servers.map(({ name, queued, address, state, weight, inFlight, last }) => [
      name,
      address,
      state,
      String(weight ?? 1),
      String(inFlight),
      String(queued),
      last ? `${last.said}, ${last.tookMs.toFixed(1)} ms, ${formatAge(now - last.atMs)} ago` : "-",
    ]);
    tables.push(
      formatTable(["BACKEND", "SERVER", "STATE", "WEIGHT", "IN FLIGHT", "QUEUE", "LAST CHECK"], rows),
    );
  }
  if (queues?.length) {
    const rows = queues.map((queue) => [
      queue.queue,
      ...[queue.waiting, queue.delayed, queue.running, queue.dead].map(String),
      // The age is of those that do not wait to run alone.
      queue.waiting > (queue.alone ?? 0) ? formatAge(queue.oldestMs) : "-",
    ]);
    tables.push(formatTable(["QUEUE", "WAITING", "DELAYED", "RUNNING", "DEAD", "OLDEST"], rows));
  }
  return tables;
}

interface ModeParts {
  traffic: TrafficView;
  listeners: { address: string }[];
  backends: {
    name: string;
    /** Requests that wait for any of its servers. */
    queued: number;
    traffic?: TrafficView;
    servers: {
      address: string;
      state: string;
      inFlight: number;
      weight?: number;
      last?: { said: string; tookMs: number; atMs: number };
    }[];
  }[];
  queues: {
    queue: string;
    waiting: number;
    delayed: number;
    running: number;
    dead: number;
    alone?: number;
    oldestMs: number;
  }[];
}

function formatDetail(detail: unknown): string {
  if (typeof detail !== "object" || detail === null) return "";
  return Object.entries(detail)
    .map(([key, value]) => `${key} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(", ");
}
