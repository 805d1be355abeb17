import { expect, test } from "bun:test";
import { readStrictRequest, readStrictResponse } from "./strict_parser.ts";

const SOUND = [
  ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""],
  ["POST /x HTTP/1.1\r\nHost: a:80\r\nContent-Length: 3\r\n\r\nabc", "abc"],
  ["POST /x HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "abc"],
] as const;

test.each(SOUND)("reads %j, needs every byte and takes no more", (text, body) => {
  for (let cut = 0; cut < text.length; cut++)
    expect(readStrictRequest(Buffer.from(text.slice(0, cut)))).toBeUndefined();
  expect(readStrictRequest(Buffer.from(`${text}GET`))).toMatchObject({ length: text.length });
  expect(readStrictRequest(Buffer.from(text))?.body.toString()).toBe(body);
});

test.each([
  "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
  "GET / HTTP/1.1\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nX: a\nb\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\n fold\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nKeep-Alive: 1\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na",
  "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
  "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0;x\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
])("throws on %j", (text) => {
  expect(() => readStrictRequest(Buffer.from(text))).toThrow();
});

test("a response ends where its method and status say", () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  expect(readStrictResponse(Buffer.from(head), false, "HEAD")).toMatchObject({
    status: 200,
    length: head.length,
  });
  expect(readStrictResponse(Buffer.from(head), true, "GET")).toBeUndefined();
  const open = Buffer.from("HTTP/1.1 200 OK\r\n\r\nab");
  expect(readStrictResponse(open, false, "GET")).toBeUndefined();
  expect(readStrictResponse(open, true, "GET")).toMatchObject({ untilClose: true, length: open.length });
});
