import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Place, startHaproxy, startNginx } from "../rig/peers.ts";
import type { Running } from "../rig/rig.ts";
import type { Contender } from "../rig/rounds.ts";
import type { Apps } from "./apps.ts";

/** Workers of each of the first seed's Starmans, and how many of them it has behind its HAProxy. */
export const STARMAN_WORKERS = 4;
const STARMANS = 3;
const CONNECTIONS_MAX = 500;

export type ServerName =
  | "trivet serve"
  | "trivet serve, Elysia"
  | "Bun.serve"
  | "Elysia"
  | "node:http cluster"
  | "PM2 cluster"
  | "Starman"
  | "trivet up"
  | "nginx + Starman"
  | "HAProxy + Starman"
  | "HAProxy + Bun.serve";

export interface ServeParts {
  place: Place;
  apps: Apps;
  trivet: string;
  /** A copy that nothing else on the machine runs: memory that others share would not count in full. */
  bun: string;
  /** The program pm2-runtime. */
  pm2: string;
  /** Processes that answer; where it says nothing else. */
  workers: number;
}

type Start = (parts: ServeParts) => Promise<Running[]>;

/** How each is started; the first of the running is the one that the load asks. */
const STARTS: Readonly<Record<ServerName, Start>> = {
  "trivet serve": async (parts) => [await startServe(parts, parts.apps.fetch)],
  "trivet serve, Elysia": async (parts) => [await startServe(parts, parts.apps.elysia)],
  "Bun.serve": (parts) => startScripts(parts, parts.apps.bareFetch),
  Elysia: (parts) => startScripts(parts, parts.apps.bareElysia),
  "node:http cluster": async (parts) => [await startNodeCluster(parts)],
  "PM2 cluster": async (parts) => [await startPm2(parts)],
  Starman: async ({ place, apps }) => [await startStarman(place, apps.psgi, STARMAN_WORKERS)],
  "trivet up": async (parts) => [await startUp(parts)],
  "nginx + Starman": async ({ place, apps }) => {
    const starmans = await startStarmans(place, apps.psgi);
    return [
      await startNginx(place, "nginx", starmans.map(addressOf), CONNECTIONS_MAX, { keep: false }),
      ...starmans,
    ];
  },
  "HAProxy + Starman": async ({ place, apps }) => {
    const starmans = await startStarmans(place, apps.psgi);
    // More than its workers would wait behind connections that are kept.
    const serverMax = STARMAN_WORKERS;
    return [
      await startHaproxy(place, "HAProxy", starmans.map(addressOf), CONNECTIONS_MAX, { serverMax }),
      ...starmans,
    ];
  },
  "HAProxy + Bun.serve": async (parts) => {
    const scripts = await startScripts(parts, parts.apps.bareFetch);
    const servers = scripts.slice(0, 1).map(addressOf);
    return [await startHaproxy(parts.place, "HAProxy", servers, CONNECTIONS_MAX), ...scripts];
  },
};

export async function startServer(name: ServerName, parts: ServeParts): Promise<Contender> {
  const running = await STARTS[name](parts);
  return { name, port: running[0]?.port ?? 0, pids: running.map(({ pid }) => pid) };
}

/** trivet.toml of `trivet serve`: what is not named here is the default. */
export function writeServeConfig({ place: { rig }, workers }: ServeParts, app: string, port: number): string {
  mkdirSync(join(rig.dir, String(port)));
  return rig.write(
    `${port}/trivet.toml`,
    `[serve]
app = "${app}"
listen = "127.0.0.1:${port}"
workers = ${workers}
[admin]
dir = "${rig.dir}/${port}"
http = ""
`,
  );
}

function startServe(parts: ServeParts, app: string): Promise<Running> {
  const { rig, core } = parts.place;
  const port = rig.freePort();
  const config = writeServeConfig(parts, app, port);
  return rig.ready("trivet serve", rig.start([resolve(parts.trivet), "serve", "-c", config], core), port);
}

/** The edge asks the app server's children over their private sockets. */
function startUp(parts: ServeParts): Promise<Running> {
  const { rig, core } = parts.place;
  const port = rig.freePort();
  mkdirSync(join(rig.dir, String(port)));
  const config = rig.write(
    `${port}/trivet.toml`,
    `[proxy]
workers = ${parts.workers}
access_log = "off"
[[proxy.listen]]
address = "127.0.0.1:${port}"
[[proxy.route]]
backend = "serve:"
[serve]
app = "${parts.apps.fetch}"
listen = "127.0.0.1:${rig.freePort()}"
workers = ${parts.workers}
[admin]
dir = "${rig.dir}/${port}"
http = ""
`,
  );
  return rig.ready("trivet up", rig.start([resolve(parts.trivet), "up", "-c", config], core), port);
}

/** As many processes on one port. */
function startScripts(
  { place: { rig, core }, bun, workers }: ServeParts,
  script: string,
): Promise<Running[]> {
  const port = rig.freePort();
  const words = [bun, script, String(port)];
  const children = Array.from({ length: workers }, () => rig.start(words, core));
  return Promise.all(children.map((child) => rig.ready(script, child, port)));
}

function startNodeCluster({ place: { rig, core }, apps, workers }: ServeParts): Promise<Running> {
  const port = rig.freePort();
  const words = ["node", apps.nodeCluster, String(port), String(workers)];
  return rig.ready("node:http cluster", rig.start(words, core), port);
}

function startPm2({ place: { rig, core }, apps, pm2, workers }: ServeParts): Promise<Running> {
  const port = rig.freePort();
  const variables = [`PORT=${port}`, `PM2_HOME=${rig.dir}/pm2-${port}`];
  const words = ["env", ...variables, pm2, "start", apps.nodeServer, "-i", String(workers)];
  return rig.ready("PM2", rig.start(words, core), port);
}

export function startStarman({ rig, core }: Place, psgi: string, workers: number): Promise<Running> {
  const port = rig.freePort();
  const words = ["starman", "--workers", String(workers), "--listen", `127.0.0.1:${port}`];
  const more = [
    "--backlog",
    "1024",
    "--max-requests",
    "1000000000",
    "--pid",
    `${rig.dir}/starman-${port}.pid`,
  ];
  return rig.ready("Starman", rig.start([...words, ...more, psgi], core), port);
}

function startStarmans(place: Place, psgi: string): Promise<Running[]> {
  return Promise.all(Array.from({ length: STARMANS }, () => startStarman(place, psgi, STARMAN_WORKERS)));
}

function addressOf({ port }: Running): string {
  return `127.0.0.1:${port}`;
}
