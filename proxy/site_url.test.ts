import { expect, test } from "bun:test";
import { siteUrl } from "./site_url.ts";

test("a listener's address is one that a browser takes", () => {
  expect(siteUrl("0.0.0.0:8080", 8080)).toBe("http://127.0.0.1:8080");
  expect(siteUrl("[::]:80", 80)).toBe("http://127.0.0.1");
  expect(siteUrl("[::1]:0", 40_000)).toBe("http://[::1]:40000");
  expect(siteUrl("unix:/run/edge.sock", 0)).toBeUndefined();
});
