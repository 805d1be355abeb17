import { expect, test } from "bun:test";
import { AddressSet } from "./address_set.ts";

const trusted = new AddressSet(["10.0.0.0/8", "192.0.2.7", "fd00::/8", "2001:db8::1"]);

test.each(["10.0.0.0", "10.255.255.255", "192.0.2.7", "fd12:3456::1", "2001:db8::1"])(
  "%s is trusted",
  (address) => {
    expect(trusted.has(address)).toBe(true);
  },
);

test.each([
  "11.0.0.1",
  "9.255.255.255",
  "192.0.2.8",
  "fe80::1",
  "2001:db8::2",
  "",
  "unknown",
  "10.0.0.1:80",
  "10.0.0.1, 1.1.1.1",
])("%j is not", (address) => {
  expect(trusted.has(address)).toBe(false);
});

test("nobody is trusted unless named", () => {
  expect(new AddressSet([]).has("127.0.0.1")).toBe(false);
});

test.each([
  [["::/0"], "1.2.3.4", false],
  [["::/0"], "::ffff:1.2.3.4", false],
  [["::/0"], "2001:db8::1", true],
  [["0.0.0.0/0"], "1.2.3.4", true],
  [["0.0.0.0/0"], "::ffff:1.2.3.4", true],
  [["0.0.0.0/0"], "2001:db8::1", false],
  [["::ffff:10.0.0.0/104"], "10.1.1.1", true],
  [["::ffff:10.0.0.0/104"], "::ffff:a01:101", true],
  [["::ffff:10.0.0.0/104"], "11.1.1.1", false],
  [["fe80::/10"], "fe80::1%eth0", true],
])("IPv4 and IPv6 are told apart: %j has %s: %p", (cidrs, address, has) => {
  expect(new AddressSet(cidrs).has(address)).toBe(has);
});
