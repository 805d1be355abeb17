import { expect, test } from "bun:test";
import { RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

const ASK =
  "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: raw/1\r\nX-A: b\r\n\r\n";
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw/1\r\n\r\n";

test("WebSocket messages go both ways, large ones too", async () => {
  await using server = webSocketEcho();
  await using edge = await EdgeSite.start({ servers: [`127.0.0.1:${server.port}`] });
  const socket = new WebSocket(`ws://127.0.0.1:${edge.port}/`);
  const heard: string[] = [];
  socket.onmessage = ({ data }) => heard.push(String(data));
  await until(() => socket.readyState === WebSocket.OPEN, "the WebSocket opens");
  const messages = ["one", "x".repeat(1_000_000), "three"];
  for (const message of messages) socket.send(message);
  await until(() => heard.length === messages.length, "all come back");
  expect(heard).toEqual(messages);
  socket.close();
  await until(() => socket.readyState === WebSocket.CLOSED, "the WebSocket closes");
});

test("after 101 bytes pass as they are, with those sent ahead on either side", async () => {
  using origin = RawOrigin.start((connection, bytes) => {
    if (bytes.includes("GET /chat")) connection.send(`${SWITCH}early\0\r\n`);
    else connection.send(`heard ${bytes.toString("latin1")}`);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  client.send(ASK);
  const response = await client.response();
  expect([
    response.status,
    response.headers.get("upgrade"),
    response.headers.get("connection")?.toLowerCase(),
  ]).toEqual([101, "raw/1", "upgrade"]);
  await client.arrived(8);
  expect(client.received.toString("latin1")).toBe("early\0\r\n");
  client.send("GET / HTTP/1.1\r\n\r\n\xff");
  await until(() => client.received.includes("\xff", 0, "latin1"), "the answer");
  expect(client.received.toString("latin1")).toEndWith("heard GET / HTTP/1.1\r\n\r\n\xff");
  const asked = origin.connections[0]?.received.toString("latin1") ?? "";
  expect(asked).toMatch(/^connection: upgrade\r$/im);
  expect(asked).toMatch(/^upgrade: raw\/1\r$/im);
});

test("either half may end first: the other half goes on", async () => {
  let server: Bun.Socket<undefined> | undefined;
  let serverHeard = "";
  let serverSawEnd = false;
  using listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    socket: {
      data(socket, bytes) {
        server = socket;
        serverHeard += bytes.toString("latin1");
        if (serverHeard.endsWith("\r\n\r\n")) socket.write(SWITCH);
      },
      end() {
        serverSawEnd = true;
      },
      close(_, error) {
        serverSawEnd = !error;
      },
    },
  });
  await using edge = await EdgeSite.start({ servers: [`127.0.0.1:${listener.port}`] });
  for (const first of ["client", "server"]) {
    serverHeard = "";
    serverSawEnd = false;
    let heard = "";
    let sawEnd = false;
    const client = await Bun.connect({
      hostname: "127.0.0.1",
      port: edge.port,
      allowHalfOpen: true,
      socket: {
        data(_, bytes) {
          heard += bytes.toString("latin1");
        },
        end() {
          sawEnd = true;
        },
        close(_, error) {
          sawEnd = !error;
        },
      },
    });
    client.write(ASK);
    await until(() => heard.includes("\r\n\r\n"), "the tunnel");
    if (first === "client") {
      client.shutdown();
      await until(() => serverSawEnd, "the server sees the client's end");
      server?.write("last words");
      server?.end();
      await until(() => heard.endsWith("last words") && sawEnd, "the client hears the rest");
    } else {
      server?.shutdown();
      await until(() => sawEnd, "the client sees the server's end");
      client.write("last words");
      client.end();
      await until(() => serverHeard.endsWith("last words") && serverSawEnd, "the server hears the rest");
    }
  }
});

test("a reset on one side ends the other", async () => {
  using origin = RawOrigin.answering(SWITCH);
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  client.send(ASK);
  await client.response();
  client.reset();
  await until(() => origin.connections[0]?.ended, "the server's side ends");
});

test("an upgrade that the server declines is a plain exchange", async () => {
  using origin = RawOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  for (const _ of [1, 2]) {
    client.send(ASK);
    expect((await client.response()).body.toString()).toBe("no");
  }
  expect(origin.connections).toHaveLength(1);
});

test("a silent tunnel ends after its own timeout, not the server's", async () => {
  using origin = RawOrigin.answering(SWITCH);
  const tables = '[proxy.timeouts]\nserver = "300ms"\nclient = "300ms"\ntunnel = "1500ms"\n';
  await using edge = await EdgeSite.start({ servers: [origin.address], tables });
  using client = await edge.open();
  const startMs = performance.now();
  client.send(ASK);
  await client.response();
  await client.closed();
  expect(performance.now() - startMs).toBeWithin(1500, 20_000);
});

function webSocketEcho() {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("no", { status: 400 })),
    websocket: {
      message(socket, message) {
        socket.send(message);
      },
    },
  });
}
