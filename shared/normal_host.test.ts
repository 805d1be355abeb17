import { expect, test } from "bun:test";
import { normalHost } from "./normal_host.ts";

test.each([
  ["a.test", "a.test"],
  ["A.Test.", "a.test"],
  ["*.Example.com.", "*.example.com"],
  ["a_b", "a_b"],
  ["0xa.test", "0xa.test"],
  ["1.a", "1.a"],
  ["192.0.2.1", "192.0.2.1"],
  ["192.0.2.1.", "192.0.2.1"],
  ["192.0.513", "192.0.2.1"],
  ["3221225985", "192.0.2.1"],
  ["0XC0.0.2.1", "192.0.2.1"],
  ["0300.0.02.01", "192.0.2.1"],
  ["192.0.2.0x", "192.0.2.0"],
  // No address, and a browser would not ask for it.
  ["node.1", "node.1"],
  ["192.0.2.256", "192.0.2.256"],
  ["[2001:DB8:0:0::1]", "[2001:db8::1]"],
  ["[::ffff:192.0.2.1]", "[::ffff:c000:201]"],
])("%s is %s", (name, normal) => {
  expect(normalHost(name)).toBe(normal);
});
