import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { withKeyTable } from "./key_table.ts";
import { checkConfig } from "./load.ts";

const page = await Bun.file(resolve(import.meta.dir, "../../docs/config.md")).text();

test("docs/config.md shows the schema as it is: run bin/docs", () => {
  expect(withKeyTable(page)).toBe(page);
});

test("every table has its place and its defaults", () => {
  expect(page).toContain('| `drain_timeout` | duration | `"30s"` |');
  for (const heading of [
    "[store]",
    "[[proxy.listen]]",
    "[proxy.timeouts]",
    "[[proxy.route]]",
    "[backend.NAME]",
  ]) {
    expect(page).toContain(`### \`${heading}\``);
  }
});

test("a table that takes any keys has its row", () => {
  expect(page).toMatch(/\n\| `payload` \| table of any keys \| `\{\}` \| [^|]+ \|\n/);
});

test("the example on the page is valid", () => {
  const [, example = ""] = /```toml\n([\s\S]*?)```/.exec(page) ?? [];
  const config = checkConfig(example, "docs/config.md", "/site", {});
  expect(config.store.url).toBe("sqlite:/site/trivet.db");
  expect(config.proxy.route).toHaveLength(2);
});

test("the example in docs/routes.md is valid", async () => {
  const routes = await Bun.file(resolve(import.meta.dir, "../../docs/routes.md")).text();
  const [, example = ""] = /```toml\n([\s\S]*?)```/.exec(routes) ?? [];
  expect(checkConfig(example, "docs/routes.md", "/site", {}).proxy.route).toHaveLength(5);
});

test("a page without the marks is refused", () => {
  expect(() => withKeyTable("# nothing")).toThrow("has no");
});
