import { expect, test } from "bun:test";
import fc from "fast-check";
import { NO_LENGTH } from "./content_length.ts";
import { BAD, copyKeptFields, MORE } from "./field_table.ts";
import { parseResponseHead, RESPONSE_HEAD_BYTES_MAX, ResponseHead, responseFields } from "./response_head.ts";

function parse(text: string) {
  const bytes = Buffer.from(text, "latin1");
  const head = new ResponseHead();
  const after = parseResponseHead(bytes, 0, bytes.length, head);
  const out = Buffer.alloc(bytes.length);
  const kept =
    after > 0
      ? out.toString("latin1", 0, copyKeptFields(bytes, 0, head.fieldsEnd, responseFields, out, 0))
      : "";
  return { after, head, kept };
}

test("a head says its status, its length, and whether the connection stays", () => {
  const text = "HTTP/1.1 206 Partial Content\r\nContent-Length: 7\r\nConnection: close\r\n\r\n";
  const { after, head, kept } = parse(`${text}body`);
  expect(after).toBe(text.length);
  expect(head).toMatchObject({ status: 206, minor: 1, contentLength: 7, close: true, chunked: false });
  expect(kept).toBe("HTTP/1.1 206 Partial Content\r\nContent-Length: 7\r\n");
});

test.each([
  "HTTP/1.1 200 \r\n\r\n",
  "HTTP/1.1 200\r\n\r\n",
  "HTTP/1.0 200 Ja \xe4\t!\r\n\r\n",
  "HTTP/1.1 599 X\r\nA:b\r\n\r\n",
])("%j is a head, and needs every byte", (text) => {
  expect(parse(text).after).toBe(text.length);
  for (let cut = 0; cut < text.length; cut++) expect(parse(text.slice(0, cut)).after).toBe(MORE);
});

test("a higher minor version is read as 1.1 (RFC 9110 §2.5)", () => {
  const { after, head } = parse("HTTP/1.9 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  expect(after).toBeGreaterThan(0);
  expect([head.minor, head.chunked]).toEqual([1, true]);
});

test.each([
  "HTTP/2.0 200 OK",
  "HTTP/1.12 200 OK",
  "HTTP/1.x 200 OK",
  "http/1.1 200 OK",
  "HTTP/1.1  200 OK",
  "HTTP/1.1 20 OK",
  "HTTP/1.1 2000 OK",
  "HTTP/1.1 099 OK",
  "HTTP/1.1 600 OK",
  "HTTP/1.1 2x0 OK",
  "HTTP/1.1 200\tOK",
  "HTTP/1.1 200 O\0K",
  "HTTP/1.1 200 O\rK",
  " HTTP/1.1 200 OK",
  "\r\nHTTP/1.1 200 OK",
  "HTTP/1.1200 OK",
])("%j is no status line", (line) => {
  expect(parse(`${line}\r\n\r\n`).after).toBe(BAD);
});

test.each([
  "Content-Length: x",
  "Content-Length: -1",
  "Content-Length:",
  "Content-Length: 1, 1",
  "Content-Length: 1\r\nContent-Length: 2",
  "Content-Length: 1\r\nTransfer-Encoding: chunked",
  "Transfer-Encoding: chunked\r\nContent-Length: 1",
  "Transfer-Encoding: gzip",
  "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
  "Transfer-Encoding: chunked, chunked",
  "A : b",
  "A: b\0",
  "A: b\n",
  "A: b\r\n c",
  "A",
])("%j is refused", (fields) => {
  expect(parse(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`).after).toBe(BAD);
});

test("chunks from HTTP/1.0 are refused", () => {
  expect(parse("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").after).toBe(BAD);
});

test.each([
  ["HTTP/2 200 OK\r\n", "not HTTP/1"],
  ["ICY 200 OK\r\n", "not HTTP/1"],
  ["HTTP/1.1 999 OK\r\n", "malformed status line"],
  ["HTTP/1.1 200 O\nK\r\n", "malformed status line"],
  ["HTTP/1.1 200 OK\r\nA : b\r\n", "malformed field line"],
  ["HTTP/1.1 200 OK\r\nA: b\r\n c\r\n", "malformed field line"],
  [`HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(1001)}`, "more than 1000 fields"],
  [`HTTP/1.1 200 OK\r\nA: ${"b".repeat(RESPONSE_HEAD_BYTES_MAX)}\r\n`, "head over 64 KiB"],
  ["HTTP/1.1 200 OK\r\nContent-Length: x\r\n", "malformed Content-Length"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n", "several Content-Length"],
  [
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
    "Content-Length with Transfer-Encoding",
  ],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", "Transfer-Encoding other than chunked"],
  ["HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding from HTTP/1.0"],
])("the rule that %j breaks is named", (head, fault) => {
  expect(parse(`${head}\r\n`)).toMatchObject({ after: BAD, head: { fault } });
});

test("hop-by-hop fields go, with those that Connection names", () => {
  const { kept } = parse(
    "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nX-A: 1\r\nConnection: X-A, content-length\r\nContent-Length: 0\r\nUpgrade: h2c\r\nTrailer: T\r\nProxy-Connection: x\r\nX-B: 2\r\n\r\n",
  );
  expect(kept).toBe("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-B: 2\r\n");
});

test.each([
  ["timeout=5", 5],
  ["max=100, timeout=15", 15],
  ["TIMEOUT=7", 7],
  ["timeout=", 0],
  ["xtimeout=5", 0],
])("Keep-Alive: %s is %d seconds", (value, seconds) => {
  expect(parse(`HTTP/1.1 200 OK\r\nKeep-Alive: ${value}\r\n\r\n`).head.keepAliveTimeoutS).toBe(seconds);
});

test("a head over the limit is refused, whole or not", () => {
  const long = `HTTP/1.1 200 OK\r\nA: ${"b".repeat(RESPONSE_HEAD_BYTES_MAX)}`;
  expect(parse(long).after).toBe(BAD);
  expect(parse(`${long}\r\n\r\n`).after).toBe(BAD);
});

test("a record that is used again forgets the head before", () => {
  const head = new ResponseHead();
  const read = (text: string) => parseResponseHead(Buffer.from(text), 0, text.length, head);
  read(
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Type: text/event-stream\r\nKeep-Alive: timeout=5\r\nContent-Length: 5\r\n\r\n",
  );
  expect(head).toMatchObject({ eventStream: true, keepAlive: true, contentLength: 5 });
  read("HTTP/1.1 204 No Content\r\n\r\n");
  expect(head).toMatchObject({
    status: 204,
    eventStream: false,
    keepAlive: false,
    contentLength: NO_LENGTH,
    keepAliveTimeoutS: 0,
  });
});

test("a part never says what the whole does not", () => {
  const piece = fc.constantFrom(
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 ",
    "200",
    "\r\n",
    "\r",
    "\n",
    "A: b\r\n",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "\0",
    " ",
    ":",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.nat(80), (pieces, cut) => {
      const text = pieces.join("");
      const part = parse(text.slice(0, cut)).after;
      if (part !== MORE) expect(part).toBe(parse(text).after);
    }),
    { numRuns: 3000 },
  );
});
