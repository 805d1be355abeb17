import { expect, test } from "bun:test";
import { Folder } from "../../test/harness/folder.ts";
import { compilingFolder } from "./tsconfig.ts";

async function foldersIn(files: Record<string, string>, ...asked: string[]): Promise<(string | undefined)[]> {
  await using folder = await Folder.make(files);
  return asked.map((name) => compilingFolder(`${folder.path}/${name}`)?.slice(folder.path.length));
}

test("the nearest tsconfig.json decides, by itself or by what it extends", async () => {
  const files = {
    "tsconfig.json": '{ "compilerOptions": { "jsx": "react-jsx" } }',
    "plain/tsconfig.json": '{ "compilerOptions": { "strict": true } }',
    "plain/deep/a.ts": "",
    "plain/js/jsconfig.json": '{ "compilerOptions": { "jsxImportSource": "x" } }',
    "base.json": '{ "compilerOptions": { "experimentalDecorators": true } }',
    "child/tsconfig.json": '{ "extends": "../base" }',
    "list/tsconfig.json": '{ "extends": [ "../plain/tsconfig.json", "../base.json" ] }',
    "package/tsconfig.json": '{ "extends": "@tsconfig/bun" }',
    "round/tsconfig.json": '{ "extends": "./tsconfig.json" }',
    "missing/tsconfig.json": '{ "extends": "./none.json" }',
  };
  expect(await foldersIn(files, "other", "plain/deep", "plain/js")).toEqual(["", undefined, "/plain/js"]);
  expect(await foldersIn(files, "child", "list", "package", "round", "missing")).toEqual([
    "/child",
    "/list",
    "/package",
    undefined,
    undefined,
  ]);
});
