import { expect, test } from "bun:test";
import { Folder } from "../../test/harness/folder.ts";
import { sourceFiles } from "./source_files.ts";

test("what an entry reaches, without packages, types and what is built in", async () => {
  await using folder = await Folder.make({
    "app.ts": `import type { T } from "./types.ts"; import fs from "node:fs"; import { Elysia } from "elysia";
      import "pack"; import { a } from "./inner"; import set from "./set.toml"; export * from "./other.js";
      const late = () => import("./late.ts");`,
    "inner/index.ts": 'const up = require("../up.cjs"); import "../app.ts";',
    "up.cjs": "",
    "late.ts": 'import "./inner";',
    "other.ts": "",
    "set.toml": "a = 1",
    "types.ts": "",
    "node_modules/pack/index.js": "",
  });
  const names = [...sourceFiles([`${folder.path}/app.ts`])].map((path) => path.slice(folder.path.length + 1));
  expect(names.sort()).toEqual(["app.ts", "inner/index.ts", "late.ts", "other.ts", "set.toml", "up.cjs"]);
});

test("of what is missing, every path by which it may come; what can't be parsed ends there", async () => {
  await using folder = await Folder.make({
    "app.ts": 'import "./soon";',
    "broken.ts": "import { from './a';",
  });
  const soon = sourceFiles([`${folder.path}/app.ts`]);
  for (const name of ["soon", "soon.ts", "soon.json", "soon/index.ts"])
    expect(soon.has(`${folder.path}/${name}`)).toBe(true);
  const [broken, none] = [`${folder.path}/broken.ts`, `${folder.path}/none.ts`];
  expect([...sourceFiles([broken, none])]).toEqual([broken, none]);
});
