import { expect, test } from "bun:test";
import { nearestName } from "./nearest_name.ts";

const KEYS = ["workers", "drain_timeout", "access_log", "access_log_to", "listen", "url"];

test.each([
  ["wrkers", "workers"],
  ["worker", "workers"],
  ["drian_timeout", "drain_timeout"],
  ["acces_log", "access_log"],
  ["access_log_too", "access_log_to"],
  ["Listen", "listen"],
  ["ulr", "url"],
])("%s is a slip of %s", (name, meant) => {
  expect(nearestName(name, KEYS)).toBe(meant);
});

test.each(["", "port", "completely_different", "x".repeat(1000)])("%p is near nothing", (name) => {
  expect(nearestName(name, KEYS)).toBeUndefined();
});
