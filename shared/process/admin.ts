/** How to look into a running supervisor: the same answers on a unix socket and on loopback HTTP. */
import { chmodSync, renameSync, unlinkSync } from "node:fs";
import { sameConfig } from "../config/config_place.ts";
import { log } from "../log.ts";
import { toPrometheus } from "../metrics.ts";
import { sentenceOf, UserError } from "../user_error.ts";
import { namesUs } from "./admin_host.ts";
import type { Control } from "./control.ts";
import { parseAddress, tryAddress } from "./listen_socket.ts";
import type { Overview, Status } from "./overview.ts";

const SOCKET_MODE = 0o660;
const ANSWER_MS = 2000;
/** The status of an order that can't be done now, and of one that is wrong in itself, as a bad config is. */
const CONFLICT = 409;
export const WRONG_ORDER = 422;
/** An order takes as long as it takes. Bun's types know no idleTimeout for unix sockets; Bun does. */
const PATIENT: object = { idleTimeout: 0 };

export interface AdminPlaces {
  socket: string;
  /** "host:port"; "" is off. */
  http: string;
  /** Names beside those of loopback that HTTP answers to. */
  hosts: readonly string[];
  /** Whose config it is: see configPlace(). */
  config: string;
}

/** Answers from open() until close(). */
export class Admin {
  readonly #places: AdminPlaces;
  readonly #overview: Overview;
  readonly #control: Control;
  readonly #servers: Bun.Server<undefined>[] = [];
  /** Made beside and moved, so that there is one to talk to at every moment. */
  readonly #beside: string;
  #inPlace = false;

  /** Where one may look: by HTTP, else on the socket. */
  address: string;

  constructor(places: AdminPlaces, overview: Overview, control: Control) {
    this.#places = places;
    this.#beside = `${places.socket}.${process.pid}`;
    this.address = places.socket;
    this.#overview = overview;
    this.#control = control;
  }

  /**
   * Throws a UserError when another supervisor is alive on the socket or the port is taken. `succeeding`: we take that
   * other one's place, and may share its port.
   */
  async check(succeeding: boolean): Promise<void> {
    const { socket, http, config } = this.#places;
    if (!succeeding) await refuseSecondStart(socket, config);
    // With a port that is shared a second supervisor would start, and answer in the place of the first now and then.
    if (http) tryHttp(http, succeeding);
  }

  /** After check(). `succeeding`: the one before us answers on the socket until takePlace(), for we may fail yet. */
  open(succeeding: boolean): void {
    const { http, hosts } = this.#places;
    // Over HTTP one may only look; whoever may open the socket may do all.
    if (http) {
      const server = openHttp(http, (request) =>
        namesUs(request.headers.get("host"), hosts) ? look(request, this.#overview) : refuseHost(),
      );
      this.#servers.push(server);
      // Of port 0 the system made one.
      this.address = http.replace(/:0$/, `:${server.port}`);
    }
    const fetch = (request: Request) =>
      request.method === "POST" ? act(request, this.#control) : look(request, this.#overview);
    this.#servers.push(Bun.serve({ ...PATIENT, unix: this.#beside, fetch, development: false }));
    chmodSync(this.#beside, SOCKET_MODE);
    if (!succeeding) this.takePlace();
  }

  /** From now on who asks on the socket asks us. */
  takePlace(): void {
    if (this.#inPlace) return;
    renameSync(this.#beside, this.#places.socket);
    this.#inPlace = true;
  }

  /** A successor answers in our place; its socket has taken the place of ours. */
  letGo(): void {
    // Stopping the one on the unix socket would remove the file, which is the successor's now; it ends with the process.
    for (const server of this.#servers) if (server.port !== undefined) void server.stop();
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop(true)));
    removeSocket(this.#inPlace ? this.#places.socket : this.#beside);
  }
}

async function look(request: Request, overview: Overview): Promise<Response> {
  // Without a Host (HTTP/1.0) the URL of a request is its path alone.
  const { pathname } = new URL(request.url, "http://localhost");
  if (request.method !== "GET")
    return new Response("only GET is answered here\n", { status: 405, headers: { Allow: "GET" } });
  switch (pathname) {
    case "/health": {
      const complaints = overview.complaints();
      if (complaints.length === 0) return new Response("OK\n");
      return new Response(`${complaints.join("\n")}\n`, { status: 503 });
    }
    case "/status":
      return Response.json(await overview.status());
    case "/metrics":
      return new Response(toPrometheus(await overview.samples()), {
        headers: { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" },
      });
    default:
      return new Response("try /health, /status or /metrics\n", { status: 404 });
  }
}

function refuseHost(): Response {
  return new Response(
    "admin HTTP answers to localhost, loopback addresses and the names in admin.hosts: ask it by one of these\n",
    { status: 403 },
  );
}

/** 200 with a JSON answer, or 409 with the sentence that says why not. */
async function act(request: Request, control: Control): Promise<Response> {
  const { pathname } = new URL(request.url);
  try {
    switch (pathname) {
      case "/reload":
        await control.reload();
        return Response.json({ done: true });
      case "/upgrade":
        await control.upgrade();
        return Response.json({ done: true });
      case "/order":
        return Response.json(
          (await control.order((await request.json()) as { mode: string })) ?? { done: true },
        );
      default:
        return new Response("no such order\n", { status: 404 });
    }
  } catch (error) {
    if (!(error instanceof UserError)) log.error({ err: error }, "an order failed");
    const status = error instanceof UserError && error.exitCode === 2 ? WRONG_ORDER : CONFLICT;
    return new Response(sentenceOf(error), { status });
  }
}

function openHttp(
  address: string,
  fetch: (request: Request) => Response | Promise<Response>,
): Bun.Server<undefined> {
  const { host, port } = parseAddress(address);
  return Bun.serve({ hostname: host, port, fetch, development: false, reusePort: true });
}

/** A second instance finds the first one's address taken, and nothing in its own section says which it is. */
function tryHttp(address: string, shared: boolean): void {
  try {
    tryAddress(address, shared);
  } catch (error) {
    throw new UserError(
      `${sentenceOf(error)}; it is for status and metrics (admin.http), and "--admin-http HOST:PORT" gives this instance its own`,
      1,
      { cause: error },
    );
  }
}

async function refuseSecondStart(socket: string, config: string): Promise<void> {
  const holder = await holderOf(socket);
  if (holder === undefined) return removeSocket(socket);
  if (holder === "silent")
    throw new UserError(
      `already running, and does not answer on ${socket}: stop it first, or start a second instance with --name NAME`,
    );
  if (holder.config === undefined || sameConfig(holder.config, config))
    throw new UserError(
      `already running as process ${holder.pid}: stop it first, or start a second instance with --name NAME`,
    );
  throw new UserError(
    `process ${holder.pid}, which runs with ${holder.config}, already answers on ${socket}: set admin.dir to another folder in ${config}, or start with --name NAME`,
  );
}

/** The supervisor on this socket; "silent" when it holds the socket but does not answer; undefined when there is none. */
async function holderOf(socket: string): Promise<Pick<Status, "pid" | "config"> | "silent" | undefined> {
  if (!(await accepts(socket))) return undefined;
  try {
    const response = await fetch("http://trivet/status", {
      unix: socket,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return (await response.json()) as Status;
  } catch (error) {
    if (error instanceof Error) return "silent";
    throw error;
  }
}

/** A socket file that a killed process left behind refuses connections. */
async function accepts(unix: string): Promise<boolean> {
  try {
    (await Bun.connect({ unix, socket: { data: () => undefined } })).terminate();
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

function removeSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
