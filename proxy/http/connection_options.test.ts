import { expect, test } from "bun:test";
import { readConnections } from "./connection_options.ts";
import { FieldTable, scanFields } from "./field_table.ts";
import { octets } from "./octets.ts";

function read(...lines: string[]) {
  const bytes = octets(`${lines.map((line) => `${line}\r\n`).join("")}\r\n`);
  const table = new FieldTable();
  scanFields(bytes, 0, bytes.length, table, 100);
  const options = { close: false, keepAlive: false, upgrade: false };
  if (!readConnections(bytes, 0, octets("connection"), table, options)) return "too many";
  return { ...options, dropped: lines.filter((_, i) => table.dropped[i] === 1) };
}

function understood(...lines: string[]) {
  const found = read(...lines);
  if (found === "too many") throw new Error(found);
  return found;
}

test("512 bytes may name fields, over all Connection fields together", () => {
  const options = (count: number) => `Connection: ${"b,".repeat(count)}close`;
  expect(read(options(256), "B: 1")).toMatchObject({ close: true, dropped: ["B: 1"] });
  expect(read(options(257))).toBe("too many");
  expect(read(options(128), options(128))).toMatchObject({ close: true });
  expect(read(options(128), options(129))).toBe("too many");
  expect(read(options(256), "Connection: keep-alive", options(1))).toBe("too many");
  expect(read(`Connection: ${"b".repeat(511)}`)).toMatchObject({ dropped: [] });
  expect(read(`Connection: ${"b".repeat(512)}`)).toBe("too many");
});

const NONE = { close: false, keepAlive: false, upgrade: false, dropped: [] };

test.each([
  ["Connection: close", { ...NONE, close: true }],
  ["connection: CLOSE", { ...NONE, close: true }],
  ["Connection: Keep-Alive", { ...NONE, keepAlive: true }],
  ["Connection: keep-alive, Upgrade", { ...NONE, keepAlive: true, upgrade: true }],
  ["Connection: ,, close\t,", { ...NONE, close: true }],
  ["Connection: closed", NONE],
  ['Connection: "close"', NONE],
  ["Connection:", NONE],
])("%s", (line, expected) => {
  expect(read(line)).toEqual(expected);
});

test("fields that are named go, wherever they stand and however often", () => {
  const { dropped } = understood(
    "X-A: 1",
    "Connection: x-a, X-B",
    "x-b: 2",
    "X-A: 3",
    "X-C: 4",
    "Connection: X-D",
    "X-D: 5",
  );
  expect(dropped).toEqual(["X-A: 1", "x-b: 2", "X-A: 3", "X-D: 5"]);
});

test("fields that frame or address the message stay", () => {
  const { dropped } = understood(
    "Host: a",
    "Content-Length: 1",
    "Transfer-Encoding: chunked",
    "Connection: host, CONTENT-LENGTH, transfer-encoding",
  );
  expect(dropped).toEqual([]);
});
