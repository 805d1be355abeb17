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
