import { expect, test } from "bun:test";
import { protocolsIn } from "./upgrade_protocols.ts";

test.each([
  ["websocket", ["websocket"]],
  ["WebSocket/13", ["websocket"]],
  ["foo/1, , bar ,", ["foo", "bar"]],
  ["h2o", ["h2o"]],
  ["https", ["https"]],
])("%j is a list of protocols", (value, names) => {
  expect(protocolsIn(value)).toEqual(names);
});

test.each([
  "h2c",
  "H2C",
  "websocket, h2c",
  "websocket,h2c",
  ", h2c",
  ",,\th2c",
  "h2c, websocket",
  "h2c/1",
  "raw/1 , h2c ",
  "HTTP/2.0",
  "TLS/1.0, HTTP/1.1",
  "h2",
  "h2c-16",
])("%j would hide requests", (value) => {
  expect(protocolsIn(value)).toBeUndefined();
});

test.each(["", ",", "foo h2c", '"h2c"', "h2c;q=1", "a/b/c", "/1", "websocket\u0080"])(
  "%j is no list",
  (value) => {
    expect(protocolsIn(value)).toBeUndefined();
  },
);
