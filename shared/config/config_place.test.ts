import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { Folder } from "../../test/harness/folder.ts";
import { configPlace, sameConfig } from "./config_place.ts";

test("a config has a place though there is no file", () => {
  expect(configPlace("/a/b.toml", "/a")).toBe("/a/b.toml");
  expect(configPlace(undefined, "/a")).toBe("/a/trivet.toml");
});

test("links to one file, or to one folder without a file, are one config; two folders are two", async () => {
  await using folder = await Folder.make({ "r1/site.toml": "" });
  const at = (path: string) => `${folder.path}/${path}`;
  mkdirSync(at("r2"));
  symlinkSync("r1", at("current"));
  symlinkSync("r1/site.toml", at("other.toml"));
  expect(sameConfig(at("current/site.toml"), at("r1/site.toml"))).toBe(true);
  expect(sameConfig(at("other.toml"), at("r1/site.toml"))).toBe(true);
  expect(sameConfig(at("current/trivet.toml"), at("r1/trivet.toml"))).toBe(true);
  expect(sameConfig(at("r2/site.toml"), at("r1/site.toml"))).toBe(false);
  expect(sameConfig(at("gone/site.toml"), at("r1/site.toml"))).toBe(false);
  expect(sameConfig(at("gone/site.toml"), at("gone/site.toml"))).toBe(true);
});
