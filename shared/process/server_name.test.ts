import { expect, test } from "bun:test";
import { nameIn, placeOf } from "./server_name.ts";

test.each([
  ["app.internal:8080", { name: "app.internal", port: 8080 }],
  ["app:80", { name: "app", port: 80 }],
  ["localhosts:80", { name: "localhosts", port: 80 }],
  ["10.0.0.1:80", undefined],
  ["[::1]:80", undefined],
  ["localhost:80", undefined],
  ["LOCALHOST.:80", undefined],
  ["app.localhost:80", undefined],
  ["unix:/run/app.sock", undefined],
])("the name in %s", (address, expected) => {
  expect(nameIn(address)).toEqual(expected);
});

test("a place is an address again", () => {
  expect(placeOf("10.0.0.1", 80)).toBe("10.0.0.1:80");
  expect(placeOf("fe80::1", 80)).toBe("[fe80::1]:80");
});
