import { expect, test } from "bun:test";
import fc from "fast-check";
import { parse, stringify } from "smol-toml";
import { mapLines } from "./line_map.ts";
import type { Path } from "./problem.ts";

const TEXT = `# a comment with = and [brackets]
top = 1
[proxy]
workers = "auto" # two
dotted.key = "x"
list = [
  "one",   # a comment, with a comma
  [ "two" ],
  { a = 1, b = "}" },
]
long = """
[not.a.table]
workers = 2
"""
"quoted name" = 'c:\\'
[[proxy.listen]]
address = "a"
[[proxy.listen]]
address = "b"
[proxy.listen.tls]
cert = "c"
[ backend . "app" ]
servers = ["a:1", "b:2"]
ends = """two"""""
after = 1979-05-27 07:32:00
last = true`;

test.each<[Path, number]>([
  [["top"], 2],
  [["proxy"], 3],
  [["proxy", "workers"], 4],
  [["proxy", "dotted", "key"], 5],
  [["proxy", "list"], 6],
  [["proxy", "list", 0], 7],
  [["proxy", "list", 1, 0], 8],
  [["proxy", "list", 2], 9],
  [["proxy", "list", 2, "b"], 9],
  [["proxy", "long"], 11],
  [["proxy", "quoted name"], 15],
  [["proxy", "listen", 0], 16],
  [["proxy", "listen", 1, "address"], 19],
  [["proxy", "listen", 1, "tls", "cert"], 21],
  [["backend", "app"], 22],
  [["backend", "app", "servers", 1], 23],
  [["backend", "app", "ends"], 24],
  [["backend", "app", "after"], 25],
  [["backend", "app", "last"], 26],
  [["backend", "app", "absent"], 22],
  [["nowhere"], 1],
])("%p is on line %d", (path, line) => {
  expect(parse(TEXT)).toBeDefined();
  expect(mapLines(TEXT).lineOf(path)).toBe(line);
});

const name = fc.stringMatching(/^[a-z]{1,6}$/);
const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean());
const table = fc.letrec((tie) => ({
  table: fc.dictionary(name, tie("value"), { maxKeys: 5 }),
  value: fc.oneof(
    { depthSize: "small" },
    scalar,
    fc.array(scalar, { maxLength: 3 }),
    fc.array(tie("table"), { minLength: 1, maxLength: 3 }),
    tie("table"),
  ),
})).table as fc.Arbitrary<Record<string, unknown>>;

test("every key is found on a line that shows its name", () => {
  fc.assert(
    fc.property(table, (made) => {
      const text = stringify(made);
      const lines = text.split("\n");
      const map = mapLines(text);
      for (const path of keysOf(made)) expect(lines[map.lineOf(path) - 1]).toContain(String(path.at(-1)));
    }),
    { numRuns: 300 },
  );
});

function keysOf(value: unknown, path: Path = []): Path[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => keysOf(item, [...path, i]));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [[...path, key], ...keysOf(item, [...path, key])]);
}
