import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { Type } from "@sinclair/typebox";
import { ConfigSchema } from "../shared/config/schema.ts";
import { barrels } from "./house/barrel.ts";
import { idleKeys } from "./house/config_key.ts";
import { wrongImports } from "./house/import_direction.ts";
import { badNames } from "./house/name.ts";
import { missingFiles } from "./house/named_file.ts";
import { orphans } from "./house/orphan.ts";
import { badText } from "./house/text.ts";
import { readTree, type Tree } from "./house/tree.ts";

const house = await readTree(resolve(import.meta.dir, ".."));

test("the tree was read", () => {
  for (const path of ["trivet.ts", "bin/build", "shared/config/load.ts", "biome.json"])
    expect([...house.keys()]).toContain(path);
});

const RULES = { wrongImports, orphans, barrels, badNames, badText, missingFiles };

for (const [name, rule] of Object.entries(RULES)) {
  test(`${name}: none`, () => {
    expect(rule(house)).toEqual([]);
  });
  test(`${name}: none in a small sound house`, () => {
    expect(rule(broken({}))).toEqual([]);
  });
}

test("every key of trivet.toml does something", () => {
  expect(idleKeys(house, ConfigSchema)).toEqual([]);
  const schema = Type.Object({
    proxy: Type.Object({ log: Type.String(), idle: Type.Array(Type.Object({ none: Type.String() })) }),
  });
  expect(idleKeys(broken({ "proxy/main.ts": "proxy.log; // idle" }), schema)).toEqual([
    "proxy.idle.none in trivet.toml does nothing",
  ]);
});

/** A small sound house. */
const SOUND: Record<string, string> = {
  "trivet.ts": 'import { up } from "./cli/up.ts";\n',
  "cli/up.ts":
    'import { proxyMode } from "../proxy/main.ts";\nimport { serveMode } from "../daemon/serve/main.ts";\nexport const up = 1;\n',
  "proxy/main.ts":
    'import {\n  log,\n  type Log,\n} from "../shared/log.ts";\nexport { log };\nexport const proxyMode = 1;\n',
  "daemon/serve/main.ts": 'export * from "../sdk/jobs.ts";\nexport const serveMode = 1;\n',
  "daemon/sdk/jobs.ts": 'import text from "./page.html" with { type: "text" };\n',
  "daemon/sdk/page.html": "<p>",
  "shared/log.ts": "export const log = 1;\n",
  "shared/log.test.ts":
    'import { log } from "./log.ts";\nimport { until } from "../test/harness/until.ts";\n',
  "test/harness/until.ts": "export const until = 1;\n",
  "shared/start.test.ts": 'Bun.spawn(["bun", join(import.meta.dir, "../test/harness/program.ts")]);\n',
  "test/harness/program.ts": "console.log(1);\n",
  "proxy/log_line.ts": "export const log = 1;\n",
  "bench/claim.ts": 'import { log } from "../proxy/log_line.ts";\n',
  "bin/docs": "bun shared/table.ts\n",
  "shared/table.ts": "console.log(1);\n",
  "docs/request.md": "From `proxy/main.ts` to `log.ts`; the user's `app.ts`. [why](job.md)\n",
  "docs/job.md": "As in [the log](../shared/log.ts).\n",
};

function broken(changes: Record<string, string>): Tree {
  return new Map(Object.entries({ ...SOUND, ...changes }));
}

describe("a broken house is told", () => {
  test.each([
    [
      "shared/log.ts",
      'import type { X } from "../proxy/main.ts";',
      "shared/log.ts must not import proxy/main.ts",
    ],
    [
      "proxy/main.ts",
      'import { s } from "../daemon/serve/main.ts";',
      "proxy/main.ts must not import daemon/serve/main.ts",
    ],
    [
      "daemon/serve/main.ts",
      'export { p } from "../../proxy/main.ts";',
      "daemon/serve/main.ts must not import proxy/main.ts",
    ],
    [
      "daemon/worker/main.ts",
      'import "../serve/main.ts";',
      "daemon/worker/main.ts must not import daemon/serve/main.ts",
    ],
    [
      "daemon/sdk/jobs.ts",
      'await import("../serve/main.ts");',
      "daemon/sdk/jobs.ts must not import daemon/serve/main.ts",
    ],
    [
      "cli/up.ts",
      'import { log } from "../proxy/log_line.ts";',
      "cli/up.ts must not import proxy/log_line.ts",
    ],
    ["trivet.ts", 'import { p } from "./proxy/main.ts";', "trivet.ts must not import proxy/main.ts"],
    [
      "shared/log.ts",
      'import { u } from "../test/harness/until.ts";',
      "shared/log.ts must not import test/harness/until.ts",
    ],
  ])("%s: %s", (path, text, sentence) => {
    expect(wrongImports(broken({ [path]: text }))).toContain(sentence);
  });

  test("orphans, also in a ring and beside a test", () => {
    const ring = {
      "proxy/a.ts": 'import "./b.ts";',
      "proxy/b.ts": 'import "./a.ts";',
      "proxy/b.test.ts": 'import "./b.ts";',
    };
    expect(orphans(broken(ring))).toEqual([
      "proxy/a.ts is imported by nothing",
      "proxy/b.ts is imported by nothing",
    ]);
    expect(orphans(broken({ "test/harness/unused.ts": "" }))).toHaveLength(1);
  });

  test.each([
    'export * from "./a.ts";',
    '/** All. */\nexport { a, b } from "./a.ts";\nexport type { C } from "./c.ts";\n',
    'import { a } from "./a.ts";\nexport { a };\n',
  ])("a barrel: %j", (text) => {
    expect(barrels(broken({ "shared/all.ts": text }))).toHaveLength(1);
  });

  test.each([
    "shared/utils/a.ts",
    "proxy/helpers.ts",
    "src/a.ts",
    "proxy/index.ts",
    "shared/types/a.ts",
    "proxy/myFile.ts",
    "proxy/my-file.ts",
  ])("a bad name: %s", (path) => {
    expect(badNames(broken({ [path]: "" }))).not.toEqual([]);
  });

  test.each([
    ["test", "skip('x', () => {})"],
    ["describe", "only('x', () => {})"],
    ["it", "todo('x')"],
  ])("%s that does not always run", (word, rest) => {
    expect(badText(broken({ "shared/log.test.ts": `${word}.${rest}` }))).toHaveLength(1);
  });

  test.each([
    ["// TO", "DO later"],
    ['open("/ro', 'ot/x")'],
    ["cd /ho", "me/me/trivet"],
    ["https://registry.npm", "js.org"],
  ])("text that must not be: %s%s", (start, end) => {
    expect(badText(broken({ "shared/log.ts": start + end }))).toHaveLength(1);
  });

  test("a file that is too long", () => {
    expect(badText(broken({ "shared/log.ts": "\n".repeat(400) }))).toHaveLength(1);
  });

  test("a page that names what is not there, or is itself missing", () => {
    expect(missingFiles(broken({ "docs/job.md": "first `proxy/gone.ts`, then `gone.ts`" }))).toHaveLength(2);
    expect(missingFiles(broken({ "docs/job.md": "see [it](../proxy/gone.ts)" }))).toHaveLength(1);
    const without = new Map(broken({}));
    without.delete("docs/request.md");
    expect(missingFiles(without)).toEqual(["docs/request.md is missing"]);
  });
});
