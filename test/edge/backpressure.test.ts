import { expect, test } from "bun:test";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";
import { ownMemory } from "./memory.ts";

const BODY_BYTES = 96 * 1024 * 1024;
/** What the kernel may hold between a sender and a reader that stands still, on both sides of the edge. */
const KERNEL_BYTES_MAX = 32 * 1024 * 1024;
const GROWTH_MAX = 8 * 1024 * 1024;
const STILL_MS = 300;
const PIECE = Buffer.alloc(256 * 1024, "x");

/** Sends so many bytes as fast as the socket takes them. */
class Pump {
  sent = 0;
  #lastMs = Date.now();

  push(socket: Bun.Socket<unknown>): void {
    while (this.sent < BODY_BYTES) {
      const taken = socket.write(PIECE, 0, Math.min(PIECE.length, BODY_BYTES - this.sent));
      if (taken <= 0) return;
      this.sent += taken;
      this.#lastMs = Date.now();
    }
  }

  get stands(): boolean {
    return this.sent > 0 && Date.now() - this.#lastMs > STILL_MS;
  }
}

test("a client that does not read makes the server wait, and the edge hold little", async () => {
  const pump = new Pump();
  using server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`);
        pump.push(socket);
      },
      drain: (socket) => pump.push(socket),
    },
  });
  await using edge = await EdgeSite.start({ servers: [`127.0.0.1:${server.port}`] });
  const [pid = 0] = await edge.dataPlane();
  const before = ownMemory(pid);
  let got = 0;
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port: edge.port,
    socket: {
      data(_, bytes) {
        got += bytes.length;
      },
    },
  });
  client.pause();
  client.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await until(() => pump.stands, "the server waits");
  expect(pump.sent).toBeLessThan(KERNEL_BYTES_MAX);
  expect(ownMemory(pid) - before).toBeLessThan(GROWTH_MAX);
  client.resume();
  await until(() => got > BODY_BYTES, "the client has it all", 60_000);
  client.terminate();
});

test("a server that does not read makes the client wait, and the edge hold little", async () => {
  let got = 0;
  let accepted: Bun.Socket<undefined> | undefined;
  using server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        accepted = socket;
        socket.pause();
      },
      data(socket, bytes) {
        got += bytes.length;
        if (got > BODY_BYTES) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      },
    },
  });
  await using edge = await EdgeSite.start({ servers: [`127.0.0.1:${server.port}`] });
  const [pid = 0] = await edge.dataPlane();
  const before = ownMemory(pid);
  const pump = new Pump();
  let answer = "";
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port: edge.port,
    socket: {
      data(_, bytes) {
        answer += bytes.toString("latin1");
      },
      drain: (socket) => pump.push(socket),
    },
  });
  client.write(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`);
  pump.push(client);
  await until(() => accepted && pump.stands, "the client waits");
  expect(pump.sent).toBeLessThan(KERNEL_BYTES_MAX);
  expect(ownMemory(pid) - before).toBeLessThan(GROWTH_MAX);
  accepted?.resume();
  await until(() => answer.endsWith("ok"), "the server has it all and answers", 60_000);
  expect(pump.sent).toBe(BODY_BYTES);
  client.terminate();
});

test("a server that floods a client with interim responses is given up", async () => {
  const flood = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n".repeat(4000));
  let flooded = 0;
  const push = (socket: Bun.Socket<undefined>) => {
    while (flooded < BODY_BYTES) {
      const taken = socket.write(flood.subarray(flooded % flood.length));
      if (taken <= 0) return;
      flooded += taken;
    }
  };
  using server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: push, drain: push },
  });
  await using edge = await EdgeSite.start({ servers: [`127.0.0.1:${server.port}`] });
  const [pid = 0] = await edge.dataPlane();
  const before = ownMemory(pid);
  using client = await edge.open();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  await client.closed();
  expect(client.received.toString("latin1")).toContain("HTTP/1.1 502 ");
  expect(ownMemory(pid) - before).toBeLessThan(GROWTH_MAX);
});

test("heads that wait for slow clients do not get into each other", async () => {
  using server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, bytes) {
        const client = /^X-Client: (\d+)\r$/m.exec(bytes.toString("latin1"))?.[1] ?? "";
        socket.write(
          `HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\nX-Filler: ${client.repeat(30_000)}\r\n\r\n${client}`,
        );
      },
    },
  });
  await using edge = await EdgeSite.start({ servers: [`127.0.0.1:${server.port}`] });
  const clients = await Promise.all(
    ["3", "5", "7", "9"].map(async (name) => {
      const heard = { name, text: "" };
      const socket = await Bun.connect({
        hostname: "127.0.0.1",
        port: edge.port,
        socket: {
          data(_, bytes) {
            heard.text += bytes.toString("latin1");
          },
        },
      });
      socket.pause();
      return { heard, socket };
    }),
  );
  const REQUESTS = 300;
  for (const { socket, heard } of clients)
    socket.write(`GET / HTTP/1.1\r\nHost: a.test\r\nX-Client: ${heard.name}\r\n\r\n`.repeat(REQUESTS));
  await Bun.sleep(STILL_MS);
  for (const { socket } of clients) socket.resume();
  for (const { socket, heard } of clients) {
    const answer = `X-Filler: ${heard.name.repeat(30_000)}\r\n\r\n${heard.name}`;
    await until(
      () => heard.text.endsWith(answer) && heard.text.split("HTTP/1.1 200 OK").length === REQUESTS + 1,
      "all answers",
      60_000,
    );
    expect(heard.text.split(answer)).toHaveLength(REQUESTS + 1);
    socket.terminate();
  }
});
