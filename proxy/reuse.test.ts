import { expect, test } from "bun:test";
import { octets } from "./http/octets.ts";
import { parseResponseHead, ResponseHead } from "./http/response_head.ts";
import { responseBodyKind } from "./response_relay.ts";
import { type Reuse, reuseAfter } from "./reuse.ts";

const cases: [Reuse, string, string, boolean?][] = [
  ["at_once", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"],
  ["at_once", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"],
  ["at_once", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"],
  ["at_once", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n"],
  ["ends", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n"],
  ["ends", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n"],
  ["ends", "GET", "HTTP/1.1 200 OK\r\n"],
  ["never", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"],
  ["never", "HEAD", "HTTP/1.1 200 OK\r\n"],
  ["at_once", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", true],
  ["ends", "HEAD", "HTTP/1.1 200 OK\r\nConnection: close\r\n", true],
  ["later", "GET", "HTTP/1.1 304 Not Modified\r\n"],
  ["later", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n"],
  ["never", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n"],
  ["never", "GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n"],
  ["later", "DELETE", "HTTP/1.1 204 No Content\r\n"],
  ["never", "DELETE", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n"],
];

test.each(cases)("%s after %s and %j", (expected, method, text, alone = false) => {
  const bytes = octets(`${text}\r\n`);
  const head = new ResponseHead();
  expect(parseResponseHead(bytes, 0, bytes.length, head)).toBe(bytes.length);
  const toHead = method === "HEAD";
  expect(reuseAfter(head, responseBodyKind(head, toHead), toHead, alone)).toBe(expected);
});
