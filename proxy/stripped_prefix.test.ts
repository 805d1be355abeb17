import { expect, test } from "bun:test";
import { octets } from "./http/octets.ts";
import { StrippedPrefix } from "./stripped_prefix.ts";

function strip(pathPrefix: string, target: string): string {
  const bytes = octets(`GET ${target} HTTP`);
  const [from, end] = ["GET ".length, "GET ".length + target.length];
  const prefix = StrippedPrefix.of(pathPrefix);
  if (!prefix) throw new Error("nothing to strip");
  return `/${bytes.toString("latin1", prefix.restOf(bytes, from, end), end)}`;
}

test.each([
  ["/api/v1", "/api/v1/x?q", "/x?q"],
  ["/api/v1", "/api/v1", "/"],
  ["/api/v1", "/api/v1?q", "/?q"],
  ["/api/v1", "/api/v1/", "/"],
  ["/api/", "/api/x/", "/x/"],
  ["/api", "/api//evil.test/x", "/evil.test/x"],
  ["/api", "/api///", "/"],
  ["/api", "/api//?//x", "/?//x"],
  ["/api", "/api/x//y", "/x//y"],
  ["/api", "/api/%2Fx", "/%2Fx"],
  ["/api", "/api/../x", "/../x"],
])("%s off %s is %s", (pathPrefix, target, rest) => {
  expect(strip(pathPrefix, target)).toBe(rest);
});

test("the server is told of it, without the slash at its end", () => {
  expect(StrippedPrefix.of("/api/")?.field.toString()).toBe("X-Forwarded-Prefix: /api\r\n");
  expect(StrippedPrefix.of("/")).toBeNull();
  expect(StrippedPrefix.of("//")).toBeNull();
});
