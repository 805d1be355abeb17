import { expect, test } from "bun:test";
import { readResponse } from "./raw_response.ts";

const WHOLE = [
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"],
  [
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\n, a\r\n0\r\n\r\n",
    "hello, a",
  ],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n", "a"],
  ["HTTP/1.1 204 No Content\r\n\r\n", ""],
  ["HTTP/1.1 100 Continue\r\n\r\n", ""],
] as const;

test.each(WHOLE)("%j needs every byte and takes no more", (text, body) => {
  for (let cut = 0; cut < text.length; cut++)
    expect(readResponse(Buffer.from(text.slice(0, cut)), false)).toBeUndefined();
  const found = readResponse(Buffer.from(`${text}HTTP/1.1 200`), false);
  expect(found?.body.toString()).toBe(body);
  expect(found?.length).toBe(text.length);
});

test("without a length the end of the connection ends the body", () => {
  const bytes = Buffer.from("HTTP/1.1 200 OK\r\n\r\nhello");
  expect(readResponse(bytes, false)).toBeUndefined();
  expect(readResponse(bytes, true)?.body.toString()).toBe("hello");
});

test("an answer to HEAD has no body, fields of one name are joined", () => {
  const found = readResponse(
    Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nVia: a\r\nVIA: b\r\n\r\n"),
    false,
    "HEAD",
  );
  expect(found?.body.length).toBe(0);
  expect(found?.headers.get("via")).toBe("a, b");
});

test("what is no HTTP is thrown", () => {
  expect(() => readResponse(Buffer.from("SSH-2.0\r\n\r\n"), false)).toThrow("no HTTP response");
});
