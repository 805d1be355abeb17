import type { Status } from "../shared/process/overview.ts";
import { UserError } from "../shared/user_error.ts";
import { findRunning, type Running } from "./admin_client.ts";
import type { Command } from "./command.ts";
import { formatAge, formatTable } from "./table.ts";

export const status: Command = {
  name: "status",
  usage: "trivet status",
  summary: "what runs here: children, listeners, backends and servers, queues",
  async run(invocation) {
    const running = await findRunning(invocation);
    if (running.length === 0) {
      throw new UserError(
        'nothing runs here with this config: start it with "trivet up", or name the config with -c FILE',
      );
    }
    if (invocation.json)
      console.log(
        JSON.stringify(
          running.map(({ mode, status }) => ({ mode, ...status })),
          null,
          2,
        ),
      );
    else console.log(running.map(describe).join("\n\n"));
    return 0;
  },
};

function describe({ mode, status }: Running): string {
  const now = Date.now();
  const age = formatAge(now - status.startedAtMs);
  const sections = [
    `trivet ${mode} ${status.version}  pid ${status.pid}  ${status.phase} for ${age}`,
    ...status.complaints.map((complaint) => `  ! ${complaint}`),
    childTable(status, now),
    ...Object.values(status.modes).flatMap((part) => partTables(part, now)),
  ];
  return sections.filter((section) => section !== "").join("\n\n");
}

function childTable({ children }: Status, now: number): string {
  const rows = children.map(({ kind, slot, pid, state, startedAtMs, restarts, detail }) => [
    `${kind} ${slot}`,
    String(pid),
    state,
    formatAge(now - startedAtMs),
    String(restarts),
    formatDetail(detail),
  ]);
  return formatTable(["CHILD", "PID", "STATE", "AGE", "RESTARTS", ""], rows);
}

/** What each mode says of itself; parts of the same name look the same whoever says them. */
function partTables(part: Record<string, unknown>, now: number): string[] {
  const tables: string[] = [];
  const { listeners, backends, queues } = part as Partial<ModeParts>;
  if (listeners?.length)
    tables.push(
      formatTable(
        ["LISTENER"],
        listeners.map(({ address }) => [address]),
      ),
    );
  const servers =
    backends?.flatMap(({ name, servers }) => servers.map((server) => ({ name, ...server }))) ?? [];
  if (servers.length > 0) {
    const rows = servers.map(({ name, address, state, weight, last }) => [
      name,
      address,
      state,
      String(weight ?? 1),
      last ? `${last.said}, ${last.tookMs.toFixed(1)} ms, ${formatAge(now - last.atMs)} ago` : "-",
    ]);
    tables.push(formatTable(["BACKEND", "SERVER", "STATE", "WEIGHT", "LAST CHECK"], rows));
  }
  if (queues?.length) {
    const rows = queues.map((queue) => [
      queue.queue,
      ...[queue.waiting, queue.delayed, queue.running, queue.dead].map(String),
      formatAge(queue.oldestMs),
    ]);
    tables.push(formatTable(["QUEUE", "WAITING", "DELAYED", "RUNNING", "DEAD", "OLDEST"], rows));
  }
  return tables;
}

interface ModeParts {
  listeners: { address: string }[];
  backends: {
    name: string;
    servers: {
      address: string;
      state: string;
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
    oldestMs: number;
  }[];
}

function formatDetail(detail: unknown): string {
  if (typeof detail !== "object" || detail === null) return "";
  return Object.entries(detail)
    .map(([key, value]) => `${key} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(", ");
}
