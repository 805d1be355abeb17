import { expect, test } from "bun:test";
import { cp } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Folder } from "../harness/folder.ts";

const ROOT = resolve(import.meta.dir, "../..");
const SOURCES = [
  "trivet.ts",
  "package.json",
  "bun.lock",
  "tsconfig.json",
  "bin",
  "cli",
  "proxy",
  "daemon",
  "shared",
];

async function build(folder: string, ...args: string[]): Promise<void> {
  for (const name of SOURCES) await cp(join(ROOT, name), join(folder, name), { recursive: true });
  const { exitCode, stderr } = await Bun.$`${join(folder, "bin/build")} ${args}`.cwd("/").quiet().nothrow();
  expect(exitCode, stderr.toString()).toBe(0);
}

async function digest(file: string): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  for await (const chunk of Bun.file(file).stream()) hash.update(chunk);
  return hash.digest("hex");
}

test("the same source gives the same bytes in any folder", async () => {
  await using one = await Folder.make();
  await using two = await Folder.make();
  const deeper = join(two.path, "a/b");
  await build(one.path);
  await build(deeper);
  expect(await digest(join(one.path, "dist/trivet"))).toBe(await digest(join(deeper, "dist/trivet")));
  expect((await Bun.$`grep -c ${one.path} ${join(one.path, "dist/trivet")}`.nothrow().text()).trim()).toBe(
    "0",
  );
}, 120_000);

test("builds for another machine", async () => {
  await using folder = await Folder.make();
  await build(folder.path, "--target", "linux-arm64");
  const head = Buffer.from(
    await Bun.file(join(folder.path, "dist/trivet-linux-arm64")).slice(0, 20).arrayBuffer(),
  );
  // e_machine of the ELF header: EM_AARCH64.
  expect(head.readUInt16LE(18)).toBe(183);
}, 300_000);
