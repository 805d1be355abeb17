import { expect, test } from "bun:test";
import { connect, createServer, type Socket } from "node:net";
import { freePort } from "../harness/free_port.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";
import { HaProxy } from "./haproxy.ts";
import { Nginx } from "./nginx.ts";

const BODY_BYTES = 1_000_000;
const PIECES = 50;
/** Longer than a socket is read on after an answer by those who do that for a second or two only. */
const UPLOAD_MS = 5000;
const STATUSES = [200, 401, 413];
/** What the server does behind its answer, which it gives as soon as it has the head. */
const SERVERS = ["reads on", "closes", "closes, as it said", "is silent"] as const;
type Habit = (typeof SERVERS)[number];
const HABITS = SERVERS.flatMap((habit) => STATUSES.map((status) => ({ habit, status })));

interface Outcome {
  status: number | undefined;
  body: string | undefined;
  /** Why the upload failed, if it did. */
  broken: string | undefined;
}

/** Answers /STATUS/HABIT early. */
class EarlyOrigin implements AsyncDisposable {
  /** Bytes of bodies, by path. */
  readonly taken = new Map<string, number>();
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  readonly #sockets = new Set<Socket>();

  static async start(): Promise<EarlyOrigin> {
    const origin = new EarlyOrigin();
    const { promise, resolve } = Promise.withResolvers<void>();
    origin.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return origin;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.end());
    let head = "";
    let path = "";
    socket.on("data", (bytes) => {
      if (path !== "") return void this.taken.set(path, (this.taken.get(path) ?? 0) + bytes.length);
      head += bytes.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      path = /^\w+ (\S+)/.exec(head)?.[1] ?? "";
      this.taken.set(path, head.length - end - 4);
      const [, status = "", habit = ""] = decodeURIComponent(path).split("/");
      const close = habit === "closes, as it said" ? "Connection: close\r\n" : "";
      socket.write(`HTTP/1.1 ${status} Early\r\n${close}Content-Length: 5\r\n\r\nearly`);
      if (habit.startsWith("closes")) socket.destroySoon();
      if (habit === "is silent") socket.pause();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }
}

const pathOf = (status: number, habit: Habit) => `/${status}/${encodeURIComponent(habit)}`;

/** Uploads slowly, and reads only when all was sent, as a simple client does. */
async function upload(port: number, path: string): Promise<Outcome> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let broken: string | undefined;
  socket.on("error", (error: NodeJS.ErrnoException) => {
    broken ??= error.code ?? error.message;
  });
  socket.pause();
  socket.write(`POST ${path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`);
  const piece = Buffer.alloc(BODY_BYTES / PIECES, "x");
  for (let i = 0; i < PIECES && broken === undefined; i++) {
    await Bun.sleep(UPLOAD_MS / PIECES);
    socket.write(piece);
  }
  let text = "";
  socket.on("data", (bytes) => {
    text += bytes.toString("latin1");
  });
  socket.resume();
  await until(
    () => text.endsWith("\r\n\r\nearly") || socket.destroyed || socket.readableEnded,
    "an answer or the end",
    10_000,
  ).catch(() => undefined);
  socket.destroy();
  const [head = "", body] = text.split("\r\n\r\n");
  return { status: Number(/^HTTP\/1.1 (\d+)/.exec(head)?.[1]) || undefined, body, broken };
}

const uploadAll = (port: number) =>
  Promise.all(
    HABITS.map(async ({ habit, status }) => ({ habit, ...(await upload(port, pathOf(status, habit))) })),
  );

test("an early answer reaches a slow uploader, as through HAProxy and nginx", async () => {
  await using origin = await EarlyOrigin.start();
  await using others = await EarlyOrigin.start();
  await using edge = await EdgeSite.start({ servers: [`127.0.0.1:${origin.port}`] });
  const haproxyPort = await freePort();
  await using haproxy = await HaProxy.start(
    haproxyPort,
    `defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
frontend f
  bind 127.0.0.1:${haproxyPort}
  default_backend b
backend b
  server s 127.0.0.1:${others.port}
`,
  );
  await using nginx = await Nginx.start(
    `client_max_body_size 0; location / { proxy_pass http://127.0.0.1:${others.port}; proxy_request_buffering off; proxy_http_version 1.1; }`,
  );
  const [ours, haproxys, nginxs] = await Promise.all([
    uploadAll(edge.port),
    uploadAll(haproxy.port),
    uploadAll(nginx.port),
  ]);
  const all = HABITS.map(({ habit, status }) => ({ habit, status, body: "early", broken: undefined }));
  expect(ours).toEqual(all);
  expect(nginxs).toEqual(all);
  // HAProxy closes as soon as the server does, and what it has told the client is lost.
  const stays = ({ habit }: { habit: Habit }) => !habit.startsWith("closes");
  expect(haproxys.filter(stays)).toEqual(all.filter(stays));
  for (const status of STATUSES) expect(origin.taken.get(pathOf(status, "reads on"))).toBe(BODY_BYTES);
});

test("a slow uploader hears that its body is too large, as from nginx", async () => {
  await using origin = await EarlyOrigin.start();
  await using edge = await EdgeSite.start({
    servers: [`127.0.0.1:${origin.port}`],
    tables: '[proxy.limits]\nbody = "1KiB"\n',
  });
  await using nginx = await Nginx.start("client_max_body_size 1000; location / { return 200; }");
  const [ours, nginxs] = await Promise.all([upload(edge.port, "/"), upload(nginx.port, "/")]);
  expect([ours.status, ours.broken]).toEqual([413, undefined]);
  expect([nginxs.status, nginxs.broken]).toEqual([413, undefined]);
});

test("a client that stops its upload after an early answer is ended in order", async () => {
  await using origin = await EarlyOrigin.start();
  await using edge = await EdgeSite.start({
    servers: [`127.0.0.1:${origin.port}`],
    tables: '[proxy.timeouts]\nclient = "500ms"\n',
  });
  using client = await edge.open();
  client.send(`POST ${pathOf(200, "reads on")} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\nx`);
  expect((await client.response()).body.toString()).toBe("early");
  await client.closed();
  expect(client.broken).toBeUndefined();
  await until(() => edge.lines().length === 1, "a line");
  expect(edge.lines()[0]).toMatchObject({ status: 200, ended: "client_timeout" });
});

test("who sends on without end after an answer is read slowly, and not waited for by TERM", async () => {
  await using origin = await EarlyOrigin.start();
  await using edge = await EdgeSite.start({
    servers: [`127.0.0.1:${origin.port}`],
    proxy: 'drain_timeout = "1h"',
    tables: '[proxy.limits]\nbody = "1KiB"\n',
  });
  const piece = Buffer.alloc(1_048_576, "x");
  let sent = 0;
  const socket = connect({ port: edge.port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => socket.destroy());
  const push = () => {
    while (socket.writable && socket.write(piece)) sent += piece.length;
    sent += piece.length;
  };
  socket.on("drain", push);
  let heard = "";
  socket.on("data", (bytes) => {
    heard += bytes.toString("latin1");
  });
  socket.write("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n");
  push();
  await until(() => heard.includes(" 413 "), "it is refused");
  const startMs = performance.now();
  await Bun.sleep(2000);
  const seconds = (performance.now() - startMs) / 1000;
  // What the two kernels hold, and so much a second.
  expect(sent).toBeLessThan((16 + 8 * (seconds + 1)) * 1_048_576);
  edge.trivet.signal("SIGTERM");
  expect(await edge.trivet.exited()).toBe(0);
  socket.destroy();
});
