import { expect, test } from "bun:test";
import { namesUs } from "./admin_host.ts";

const KNOWN = ["metrics.Example.", "[2001:db8::1]"];

test.each([
  null,
  "localhost",
  "LOCALHOST:9900",
  "localhost:",
  "localhost.:80",
  "127.0.0.1:9900",
  "127.1",
  "[::1]",
  "[0::1]:9900",
  "metrics.example:80",
  "[2001:db8:0::1]",
])("%j is this machine", (host) => {
  expect(namesUs(host, KNOWN)).toBe(true);
});

test.each([
  "",
  ":80",
  "evil.test",
  "localhost.evil.test",
  "127.evil.test",
  "127.0.0.1.evil.test:80",
  "evil.test:127.0.0.1",
  "localhost:80:80",
  "localhost, evil.test",
  "a@localhost",
  "10.0.0.1",
  "0.0.0.0",
  "[::]",
  "2130706433.evil.test",
])("%j is not", (host) => {
  expect(namesUs(host, KNOWN)).toBe(false);
});
