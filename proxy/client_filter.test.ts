import { expect, test } from "bun:test";
import { ClientFilter } from "./client_filter.ts";

test.each([
  [[], ["10.0.0.0/8"], "10.1.1.1", false],
  [[], ["10.0.0.0/8"], "11.1.1.1", true],
  [["10.0.0.0/8"], [], "10.1.1.1", true],
  [["10.0.0.0/8"], [], "11.1.1.1", false],
  [["10.0.0.0/8"], ["10.1.0.0/16"], "10.1.1.1", false],
  [["10.0.0.0/8"], ["10.1.0.0/16"], "10.2.1.1", true],
  [["10.0.0.1"], ["10.0.0.1"], "10.0.0.1", false],
  [["2001:db8::/32"], [], "2001:db8:1::1", true],
  [["2001:db8::/32"], [], "10.0.0.1", false],
  [[], ["6.6.6.6"], "::ffff:6.6.6.6", false],
  [[], ["6.6.6.6"], "::FFFF:606:606", false],
  [["10.0.0.0/8"], [], "", false],
  [[], ["10.0.0.0/8"], "", false],
  [["0.0.0.0/0", "::/0"], [], "unknown", false],
  [[], ["10.0.0.0/8"], "unknown", false],
])("allow %j, deny %j: %s is admitted: %p", (allow, deny, address, admitted) => {
  expect(new ClientFilter(allow, deny).admits(address)).toBe(admitted);
});

test("without networks there is nothing to ask", () => {
  expect(ClientFilter.of([], [])).toBeNull();
});
