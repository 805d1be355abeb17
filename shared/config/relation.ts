import { parseAddress } from "../process/listen_socket.ts";
import { BEYOND_LOOPBACK, isLoopback } from "../process/loopback.ts";
import { parseDuration } from "./duration.ts";
import { format, formatNamed } from "./format.ts";
import { nearestName } from "./nearest_name.ts";
import { isTable, type Path, type Problem, type Table } from "./problem.ts";
import { routeProblems } from "./route_problems.ts";
import { asItIs, type Shown } from "./written.ts";

const HANG_SHORTEST_MS = 2000;
/** A supervisor renews three times in it, and a busy machine may hold it up for a while. */
const LEASE_SHORTEST_MS = 1000;
/** A worker that waits less long for a job does nothing but ask. */
const BLOCK_SHORTEST_MS = 100;
const KEEP_ALIVE_MS_MAX = 240_000;
const RATE_PER_MS_MAX = 30 * 24 * 3_600_000;

interface Located {
  path: Path;
  text: string;
}

/**
 * What is wrong between values that are each right alone. Takes a config that may still have other faults, so that
 * everything can be told at once.
 */
export function relationProblems(config: Table, shown: Shown = asItIs): Problem[] {
  return [
    ...unknownBackends(config, shown),
    ...routeProblems(tablesAt(config, "proxy", "route"), shown),
    ...twice(config, shown),
    ...adminBeyondLoopback(config),
    ...hastyHangTimeout(config),
    ...longKeepAlive(config),
    ...oddRates(config),
    ...hastyWorker(config),
  ];
}

function adminBeyondLoopback(config: Table): Problem[] {
  const http = tableAt(config, "admin")["http"];
  if (typeof http !== "string" || http === "" || !isAddress(http) || isLoopback(http)) return [];
  return [{ path: ["admin", "http"], sentence: `admin.http ${BEYOND_LOOPBACK}` }];
}

function hastyHangTimeout(config: Table): Problem[] {
  const ms = serveDuration(config, "hang_timeout");
  if (ms === 0 || ms >= HANG_SHORTEST_MS) return [];
  const sentence =
    "serve.hang_timeout must be at least 2s, for a child gives a sign of life every second; 0 is never";
  return [{ path: ["serve", "hang_timeout"], sentence }];
}

/** Bun's timer knows up to 255 s, and may be some seconds off. */
function longKeepAlive(config: Table): Problem[] {
  if (serveDuration(config, "keep_alive") <= KEEP_ALIVE_MS_MAX) return [];
  return [{ path: ["serve", "keep_alive"], sentence: "serve.keep_alive must be at most 4m; 0 is no limit" }];
}

/** As for the rate of a job's own limit. */
function oddRates(config: Table): Problem[] {
  return tablesAt(config, "worker", "queues").flatMap(({ path, table }) => {
    const per = isTable(table["rate"]) ? durationOf(table["rate"]["per"]) : undefined;
    if (per === undefined || (per > 0 && per <= RATE_PER_MS_MAX)) return [];
    const sentence = "rate.per must be longer than 0 and at most 30d";
    return [{ path: [...path, "rate", "per"], sentence }];
  });
}

/** With less, jobs would run twice, or the store would be asked without a pause. */
function hastyWorker(config: Table): Problem[] {
  const shortest = { lease: LEASE_SHORTEST_MS, block: BLOCK_SHORTEST_MS };
  return Object.entries(shortest).flatMap(([key, leastMs]) => {
    const ms = durationOf(tableAt(config, "worker")[key]) ?? leastMs;
    const sentence = `worker.${key} must be at least ${leastMs === LEASE_SHORTEST_MS ? "1s" : "100ms"}`;
    return ms < leastMs ? [{ path: ["worker", key], sentence }] : [];
  });
}

/** 0 for one that is absent or, as its format tells, none. */
function serveDuration(config: Table, key: string): number {
  return durationOf(tableAt(config, "serve")[key]) ?? 0;
}

function durationOf(value: unknown): number | undefined {
  if (typeof value !== "string" || !formatNamed(format("duration"))?.accepts(value)) return undefined;
  return parseDuration(value);
}

/** One that is none is told by its format. */
function isAddress(text: string): boolean {
  try {
    parseAddress(text);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function unknownBackends(config: Table, shown: Shown): Problem[] {
  const names = Object.keys(tableAt(config, "backend"));
  return tablesAt(config, "proxy", "route").flatMap(({ path, table }) => {
    const name = table["backend"];
    if (typeof name !== "string" || name === "" || name === "serve:" || names.includes(name)) return [];
    const place = [...path, "backend"];
    const text = shown(place, name);
    const near = nearestName(name, [...names, "serve:"]);
    const missing =
      text === name
        ? `add a [backend.${name}] with servers`
        : "add a [backend.NAME] of that name, with servers";
    const hint = near ? `did you mean "${near}"?` : missing;
    return [{ path: place, sentence: `there is no backend "${text}"; ${hint}` }];
  });
}

function twice(config: Table, shown: Shown): Problem[] {
  const listeners = tablesAt(config, "proxy", "listen").flatMap(textOf("address"));
  const app = tableAt(config, "serve")["listen"];
  const appListeners = texts(app, ["serve", "listen"]);
  const queues = tablesAt(config, "worker", "queues").flatMap(textOf("name"));
  const crons = tablesAt(config, "worker", "cron").flatMap(textOf("name"));
  const servers = Object.entries(tableAt(config, "backend")).map(([name, backend]) =>
    isTable(backend) ? serverAddresses(backend["servers"], ["backend", name, "servers"]) : [],
  );
  const repeats = (
    all: readonly Located[],
    key: (text: string) => string,
    sentence: (text: string) => string,
  ) => repeated(all, key).map(({ path, text }) => ({ path, sentence: sentence(shown(path, text)) }));
  return [
    ...repeats(listeners, listenKey, (text) => `${text} is listened on twice: remove one of the two`),
    ...repeats(appListeners, listenKey, (text) => `${text} is listened on twice: remove one of the two`),
    ...repeats(
      crons,
      (text) => text,
      (text) => `the cron "${text}" is named twice: give one of the two another name`,
    ),
    ...repeats(
      queues,
      (text) => text,
      (text) => `the queue "${text}" is named twice: remove one of the two`,
    ),
    ...servers.flatMap((list) =>
      repeats(
        list,
        (text) => text,
        (text) => `the server ${text} is named twice in this backend`,
      ),
    ),
  ];
}

/** Later ones whose key was there before; an empty key never counts. */
function repeated(all: readonly Located[], key: (text: string) => string): Located[] {
  const seen = new Set<string>();
  return all.filter(({ text }) => {
    const own = key(text);
    const before = own !== "" && seen.has(own);
    seen.add(own);
    return before;
  });
}

/** Two that the kernel would refuse side by side; port 0 is a new port each time. */
function listenKey(address: string): string {
  const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(address) ?? [];
  if (Number(port) === 0) return "";
  const name = host === "" ? "0.0.0.0" : host === "localhost" ? "127.0.0.1" : host.toLowerCase();
  return `${name}:${Number(port)}`;
}

function serverAddresses(servers: unknown, path: Path): Located[] {
  if (!Array.isArray(servers)) return [];
  return servers.flatMap((server: unknown, i) => {
    const text = isTable(server) ? server["address"] : server;
    const place = isTable(server) ? [...path, i, "address"] : [...path, i];
    return typeof text === "string" ? [{ path: place, text }] : [];
  });
}

function texts(value: unknown, path: Path): Located[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((text: unknown, i) =>
    typeof text === "string" ? [{ path: [...path, i], text }] : [],
  );
}

function textOf(key: string) {
  return ({ path, table }: { path: Path; table: Table }): Located[] => {
    const text = table[key];
    return typeof text === "string" ? [{ path: [...path, key], text }] : [];
  };
}

function tableAt(config: Table, name: string): Table {
  const found = config[name];
  return isTable(found) ? found : {};
}

function tablesAt(config: Table, section: string, key: string): { path: Path; table: Table }[] {
  const list = tableAt(config, section)[key];
  if (!Array.isArray(list)) return [];
  return list.flatMap((table: unknown, i) => (isTable(table) ? [{ path: [section, key, i], table }] : []));
}
