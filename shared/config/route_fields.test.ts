import { expect, test } from "bun:test";
import { fieldProblems } from "./route_fields.ts";

const said = (headers: unknown) =>
  fieldProblems(headers, ["headers"]).map(({ path, sentence }) => `${path.join(".")}: ${sentence}`);

test("fields of the message may be set and removed, Host too", () => {
  expect(
    said({
      request: {
        "X-A": "1",
        Authorization: "Basic x",
        Cookie: "",
        host: "b.test:81",
        "X-Forwarded-Port": "443",
      },
      response: { Server: "", "Strict-Transport-Security": "max-age=1", "X-Request-ID": "", Location: "/" },
    }),
  ).toEqual([]);
});

test.each([
  "Connection",
  "content-length",
  "TRANSFER-ENCODING",
  "Trailer",
  "Upgrade",
  "TE",
  "Keep-Alive",
  "Proxy-Connection",
  "Expect",
  "Content_Length",
  "transfer_Encoding",
])("%s belongs to the connection, in both directions", (name) => {
  expect(said({ request: { [name]: "x" }, response: { [name]: "" } })).toEqual([
    expect.stringContaining(`${name} can't be set or removed`),
    expect.stringContaining(`${name} can't be set or removed`),
  ]);
});

test.each([
  "Forwarded",
  "traceparent",
  "X-Forwarded-For",
  "x-forwarded-proto",
  "X-Forwarded-Prefix",
  "X-Real-IP",
  "x_forwarded-For",
  "X_Real_IP",
  "X-Request-ID",
])("%s is the edge's to write in requests", (name) => {
  expect(said({ request: { [name]: "" } })).toEqual([expect.stringContaining("the edge writes it")]);
});

test.each(["", "A B", "A:", "A\r\nB", "Ä", "x".repeat(257)])("%p is no name", (name) => {
  expect(said({ response: { [name]: "1" } })).toEqual([
    expect.stringContaining("can't be the name of a field"),
  ]);
});

test("one name twice, in whatever case", () => {
  expect(said({ request: { "X-A": "1", "x-a": "2" } })).toEqual([
    "headers.request.x-a: x-a is named twice: names of fields have no case, remove one of the two",
  ]);
});

test.each(["", "a b", "a/b", "http://a", "a@b", "a:x", "a, b"])("%p is no Host", (value) => {
  expect(said({ request: { Host: value } })).toEqual([expect.stringContaining("must be a host name")]);
});

test("more than a head has room for", () => {
  const many = Object.fromEntries(Array.from({ length: 3 }, (_, i) => [`X-${i}`, "x".repeat(6000)]));
  expect(said({ response: many })).toEqual([expect.stringContaining("16 KiB")]);
});

test("values of the wrong kind are left to the shape check", () => {
  expect(said(5)).toEqual([]);
  expect(said({ request: [], response: { A: 5 } })).toEqual([]);
});
