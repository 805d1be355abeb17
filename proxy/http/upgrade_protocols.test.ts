import { expect, test } from "bun:test";
import { octets } from "./octets.ts";
import { carriesRequests } from "./upgrade_protocols.ts";

function carries(value: string): boolean {
  const bytes = octets(`Upgrade: ${value}\r\n`);
  return carriesRequests(bytes, "Upgrade: ".length, bytes.length - 2);
}

test.each([
  "h2c",
  "H2C",
  "websocket, h2c",
  "websocket,h2c",
  ", h2c",
  ",,\th2c",
  "h2c, websocket",
  "h2c/1",
  "h2c;q=1",
  "h2c x",
  "raw/1 , h2c ",
  "HTTP/2.0",
  "TLS/1.0, HTTP/1.1",
  "h2",
])("%j hides requests", (value) => {
  expect(carries(value)).toBe(true);
});

test.each(["websocket", "", ",", "raw/1", "xh2c", "h2cx", "raw/h2c", "h2cc, ah2", "websocket/13"])(
  "%j does not",
  (value) => {
    expect(carries(value)).toBe(false);
  },
);
