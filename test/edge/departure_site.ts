import { closeSockets, openListenSockets } from "../../shared/process/listen_socket.ts";
import { freePort } from "../harness/free_port.ts";
import type { RawConnection } from "../harness/raw_connection.ts";
import { type OriginConnection, RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";
import { fillQueue } from "./full_queue.ts";

/** More than the edge holds of what is sent ahead, or of a body that waits for a server. */
const MUCH_BYTES = 200_000;
const PART = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart";
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n";

/** What a client has sent when it leaves. */
const SENT = {
  nothing: () => "",
  "half a head": (path) => `GET ${path} HTTP/1.1\r\nHo`,
  "no body": (path) => head(path),
  "a body": (path) => `${head(path, "Content-Length: 5\r\n")}whole`,
  "a chunked body": (path) => `${head(path, "Transfer-Encoding: chunked\r\n")}5\r\nwhole\r\n0\r\n\r\n`,
  "a part of a body": (path) => `${head(path, "Content-Length: 5\r\n")}pa`,
  "a part of a chunked body": (path) => `${head(path, "Transfer-Encoding: chunked\r\n")}9\r\npart`,
  "much of a body": (path) => head(path, "Content-Length: 900000\r\n").padEnd(MUCH_BYTES, "x"),
  "much of a chunked body": (path) =>
    `${head(path, "Transfer-Encoding: chunked\r\n")}fffff\r\n`.padEnd(MUCH_BYTES, "x"),
  "an octet ahead": (path) => `${head(path)}G`,
  "a body and an octet ahead": (path) => `${head(path, "Content-Length: 5\r\n")}wholeG`,
  "a request ahead": (path) => head(path) + head("/ahead"),
  "much ahead": (path) => `${head(path)}${head("/ahead")}`.padEnd(MUCH_BYTES, "x"),
  "too large a body": (path) => `${head(path, "Content-Length: 5000000\r\n")}x`,
  "an upgrade": (path) => head(path, "Connection: Upgrade\r\nUpgrade: raw\r\n"),
} satisfies Record<string, (path: string) => string>;
type Sent = keyof typeof SENT;

const WHOLE: Sent[] = ["no body", "a body", "a chunked body", "a body and an octet ahead"];
const PARTS: Sent[] = [
  "a part of a body",
  "a part of a chunked body",
  "much of a body",
  "much of a chunked body",
];
const AHEAD: Sent[] = ["an octet ahead", "a request ahead", "much ahead"];
const ALL = [...WHOLE, ...PARTS, ...AHEAD];

export interface Phase {
  sent: readonly Sent[];
  /** In the log. */
  status: number;
  /** client_left when absent. */
  ended?: string;
  /** How it ended when the client closed in order. */
  closed?: string;
  /** The client does not read what it is answered. */
  stalls?: boolean;
}

/** Where in an exchange the client leaves; also the path it asks for. */
const PHASES: Record<string, Phase> = {
  head: { sent: ["half a head"], status: 400 },
  connecting: { sent: ALL, status: 499 },
  pausing: { sent: ALL, status: 499 },
  queued: { sent: ALL, status: 499 },
  fresh: { sent: ALL, status: 499 },
  reused: { sent: ALL, status: 499 },
  answered: { sent: ["no body", "a part of a body", "much of a body", ...AHEAD], status: 200 },
  stalled: { sent: ["no body", "a part of a body", ...AHEAD], status: 200, stalls: true },
  events: { sent: ["no body", ...AHEAD], status: 200 },
  early: { sent: PARTS, status: 200 },
  refused: { sent: ["too large a body"], status: 413, ended: "refused" },
  tunnel: { sent: ["an upgrade"], status: 101, closed: "done" },
};

export interface Case {
  name: string;
  path: string;
  phase: Phase;
  text: string;
}

export const CASES: readonly Case[] = Object.entries(PHASES).flatMap(([name, phase]) =>
  phase.sent.map((sent, i) => {
    const path = `/${name}/${i}`;
    return { name: `${name}, ${sent}`, path, phase, text: SENT[sent](path) };
  }),
);

function head(path: string, fields = ""): string {
  return `${fields.includes("Length") || fields.includes("chunked") ? "POST" : "GET"} ${path} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`;
}

const pathOf = ({ received }: OriginConnection) =>
  /^\w+ (\S+) HTTP/.exec(received.toString("latin1"))?.[1] ?? "";

/** Answers as the path says, and is silent then. */
function startOrigin(): RawOrigin {
  const large = Buffer.alloc(16 * 1024 * 1024, "x");
  const told = new WeakMap<OriginConnection, string>();
  return RawOrigin.start((connection) => {
    const path = pathOf(connection);
    if (told.get(connection) === path) return;
    told.set(connection, path);
    const [, phase = ""] = path.split("/");
    if (phase === "answered") connection.send(PART);
    if (phase === "events")
      connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    if (phase === "early") connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly");
    if (phase === "tunnel") connection.send(SWITCH);
    if (phase === "warm") connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    if (phase === "warm") connection.received = Buffer.alloc(0);
    if (phase !== "stalled") return;
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n`);
    connection.send(large);
  });
}

/** An edge with nothing that would end an exchange but its client, and a client in each phase. */
export class DepartureSite implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly origin: RawOrigin;
  readonly edge: EdgeSite;
  readonly clients = new Map<string, RawConnection>();

  private constructor(stack: AsyncDisposableStack, origin: RawOrigin, edge: EdgeSite) {
    this.#stack = stack;
    this.origin = origin;
    this.edge = edge;
  }

  static async start(): Promise<DepartureSite> {
    await using stack = new AsyncDisposableStack();
    const origin = stack.use(startOrigin());
    const { fds, port } = openListenSockets("127.0.0.1:0", 1);
    stack.defer(() => closeSockets(fds));
    stack.use(await fillQueue(port));
    const routes = ["connecting", "pausing", "queued", "reused"].map(
      (name) => `[[proxy.route]]\npath_prefix = "/${name}"\nbackend = "${name}"\n`,
    );
    const tables = `
${routes.join("")}
[[proxy.route]]
path_prefix = "/warm"
backend = "reused"
[[proxy.route]]
backend = "a"
[proxy.timeouts]
client = "1h"
server = "1h"
queue = "1h"
connect = "1h"
request_head = "1h"
tunnel = "1h"
keep_alive = "1h"
[proxy.limits]
body = "2MiB"
[backend.connecting]
servers = ["127.0.0.1:${port}"]
[backend.pausing]
servers = ["127.0.0.1:${await freePort()}"]
retries = 10000
[backend.queued]
servers = [{ address = "${origin.address}", max_connections = 1 }]
[backend.reused]
servers = ["${origin.address}"]
`;
    const edge = stack.use(
      await EdgeSite.start({ servers: [origin.address], proxy: 'drain_timeout = "1h"', tables }),
    );
    return new DepartureSite(stack.move(), origin, edge);
  }

  /** The one that has the place of all that are queued. */
  async occupy(): Promise<RawConnection> {
    const holder = await this.edge.open();
    holder.send(head("/queued/holder"));
    await this.#asked("/queued/holder");
    return holder;
  }

  /** Connections to the server that can be used again, one for each client that shall have one. */
  async warm(): Promise<void> {
    const paths = CASES.filter(({ path }) => path.startsWith("/reused/")).map((_, i) => `/warm/${i}`);
    // All at once, so that none takes that of another.
    const clients = await Promise.all(
      paths.map(async (path) => {
        const client = await this.edge.open();
        client.send(head(path));
        return client;
      }),
    );
    await Promise.all(clients.map((client) => client.response()));
    for (const client of clients) client.close();
  }

  /** Every client is where it shall leave. */
  async enter(): Promise<void> {
    for (const { path, text, phase } of CASES) {
      const client = await this.edge.open();
      this.clients.set(path, client);
      if (phase.stalls) client.pause();
      client.send(text);
    }
    const count = (prefix: string) => CASES.filter(({ path }) => path.startsWith(prefix)).length;
    const given = async (backend: string) =>
      (await this.metric(`trivet_proxy_server_requests_total{backend="${backend}"`)) >= count(`/${backend}/`);
    await until(
      () => [...this.clients.values()].every(({ unsentBytes }) => unsentBytes === 0),
      "all is sent",
    );
    await until(() => given("connecting"), "connecting");
    await until(() => given("pausing"), "pausing");
    await until(
      async () => (await this.metric('trivet_proxy_queue_length{backend="queued"')) === count("/queued/"),
      "queued",
    );
    for (const { path, phase } of CASES) {
      const [, name = ""] = path.split("/");
      if (["fresh", "reused", "stalled"].includes(name)) await this.#asked(path);
      if (phase.status !== 499 && phase.status !== 400 && !phase.stalls)
        await until(() => this.clients.get(path)?.received.length, `${path} has an answer`);
    }
  }

  /** Adds up all lines that begin so. */
  async metric(start: string): Promise<number> {
    const lines = (await (await this.edge.trivet.admin("/metrics")).text()).split("\n");
    const values = lines
      .filter((line) => line.startsWith(start))
      .map((line) => Number(line.split(" ").at(-1)));
    return values.reduce((sum, value) => sum + value, 0);
  }

  /** The server's connections that carry the request of a client that was to leave. */
  carrying(): string[] {
    const open = this.origin.connections.filter(({ ended }) => !ended);
    return open.map(pathOf).filter((path) => this.clients.has(path));
  }

  async #asked(path: string): Promise<void> {
    await until(
      () => this.origin.connections.some((connection) => pathOf(connection) === path),
      `${path} is asked`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients.values()) client[Symbol.dispose]();
    await this.#stack[Symbol.asyncDispose]();
  }
}
