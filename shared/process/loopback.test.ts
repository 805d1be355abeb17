import { expect, test } from "bun:test";
import { isLoopback } from "./loopback.ts";

test.each(["127.0.0.1:9900", "127.8.0.1:1", "localhost:9900", "[::1]:9900"])("%s is loopback", (address) => {
  expect(isLoopback(address)).toBe(true);
});

test.each(["0.0.0.0:9900", ":9900", "10.0.0.1:9900", "[::]:9900", "127.evil.test:80"])(
  "%s is not",
  (address) => {
    expect(isLoopback(address)).toBe(false);
  },
);
