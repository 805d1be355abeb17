import { expect, test } from "bun:test";
import { addressIn } from "./claimed_address.ts";

test.each([
  ["192.0.2.1", "192.0.2.1"],
  [" 192.0.2.1\t", "192.0.2.1"],
  ["192.0.2.1:4711", "192.0.2.1"],
  ["2001:db8::1", "2001:db8::1"],
  ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
  ["[2001:db8::1]", "2001:db8::1"],
  ["[2001:db8::1]:4711", "2001:db8::1"],
  // Eight words and no brackets: the last one is no port.
  ["2001:db8:0:0:0:0:1:4711", "2001:db8:0:0:0:0:1:4711"],
])("%j is the address %s", (entry, address) => {
  expect(addressIn(entry)).toBe(address);
});

test.each([
  "",
  " ",
  "unknown",
  "_hidden",
  "unix:",
  "example.com",
  "192.0.2",
  "192.0.2.256",
  "192.0.2.01",
  "192.0.2.1:",
  "192.0.2.1:http",
  "192.0.2.1:123456",
  "192.0.2.1 192.0.2.2",
  "[192.0.2.1]:80",
  "[2001:db8::1",
  "[2001:db8::1]80",
  "[2001:db8::1]:",
  "[fe80::1%eth0]:80",
  "fe80::1%eth0",
])("%j is nobody", (entry) => {
  expect(addressIn(entry)).toBe("unknown");
});
