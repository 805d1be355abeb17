import { afterAll, beforeAll, expect, test } from "bun:test";
import { Origin } from "../harness/origin.ts";
import { RawOrigin } from "../harness/raw_origin.ts";
import { EdgeSite } from "./edge_site.ts";

const BODY = pseudoRandom(20 * 1024 * 1024);
const HASH = hashOf(BODY);

/** /up answers with the hash of what it got, /length, /chunked and /close with the body. */
const origin = Origin.start("a", async (request) => {
  switch (new URL(request.url).pathname) {
    case "/up":
      return new Response(hashOf(await request.bytes()), {
        headers: { "X-Framing": request.headers.get("transfer-encoding") ?? "length" },
      });
    case "/length":
      return new Response(BODY);
    default:
      return new Response(streamOf(BODY));
  }
});
const closing = RawOrigin.start((connection) => {
  connection.send("HTTP/1.1 200 OK\r\n\r\n");
  connection.send(BODY);
  connection.end();
});
let edge: EdgeSite;

beforeAll(async () => {
  const tables = `[[proxy.route]]\nbackend = "a"\n[[proxy.route]]\npath_prefix = "/close"\nbackend = "b"\n[backend.b]\nservers = ["${closing.address}"]`;
  edge = await EdgeSite.start({ servers: [origin.address], tables });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await origin.stop();
  closing[Symbol.dispose]();
});

test("20 MB of known length arrive at the server as they left", async () => {
  const response = await fetch(`http://127.0.0.1:${edge.port}/up`, { method: "POST", body: BODY });
  expect([response.headers.get("x-framing"), await response.text()]).toEqual(["length", HASH]);
});

test("20 MB in chunks arrive at the server as they left", async () => {
  const response = await fetch(`http://127.0.0.1:${edge.port}/up`, { method: "POST", body: streamOf(BODY) });
  expect([response.headers.get("x-framing"), await response.text()]).toEqual(["chunked", HASH]);
});

test.each(["/length", "/chunked", "/close"])("20 MB arrive at the client as they left: %s", async (path) => {
  const response = await fetch(`http://127.0.0.1:${edge.port}${path}`);
  expect(hashOf(await response.bytes())).toBe(HASH);
  expect(response.headers.has("content-length")).toBe(path === "/length");
});

test("an HTTP/1.0 client gets 20 MB without chunks, up to the end of the connection", async () => {
  using client = await edge.open();
  client.send("GET /chunked HTTP/1.0\r\nHost: a.test\r\n\r\n");
  await client.closed();
  const bytes = client.received;
  const headEnd = bytes.indexOf("\r\n\r\n") + 4;
  expect(bytes.toString("latin1", 0, headEnd).toLowerCase()).not.toContain("transfer-encoding");
  expect(hashOf(bytes.subarray(headEnd))).toBe(HASH);
});

test("many at once, both ways, do not get into each other", async () => {
  const hashes = await Promise.all(
    Array.from({ length: 16 }, async (_, i) => {
      const body = BODY.subarray(i * 1000, 500_000 + i * 60_000);
      const response = await fetch(`http://127.0.0.1:${edge.port}/up`, { method: "POST", body });
      return (await response.text()) === hashOf(body);
    }),
  );
  expect(hashes).not.toContain(false);
});

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      const size = 1 + ((at * 7919) % 90_000);
      controller.enqueue(bytes.subarray(at, at + size));
      at += size;
      if (at >= bytes.length) controller.close();
    },
  });
}

function pseudoRandom(length: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(length / 4);
  let x = 2463534242;
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
  return new Uint8Array(words.buffer);
}

function hashOf(bytes: Uint8Array): string {
  return Bun.hash(bytes).toString(16);
}
