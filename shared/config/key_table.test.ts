import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { withKeyTable } from "./key_table.ts";

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

test("a page without the marks is refused", () => {
  expect(() => withKeyTable("# nothing")).toThrow("has no");
});
