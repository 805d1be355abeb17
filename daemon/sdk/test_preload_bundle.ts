import { join } from "node:path";

/** The text of test_preload.ts and all it imports; run as a macro, while Trivet itself is built. */
export function testPreloadBundle(): string {
  const entry = join(import.meta.dir, "test_preload.ts");
  const { stdout, stderr, success } = Bun.spawnSync([
    process.execPath,
    "build",
    entry,
    "--target=bun",
    "--production",
    "--minify",
    // As in bin/build: no path of the machine that builds gets into the binary.
    "--define",
    `__dirname="/trivet"`,
  ]);
  if (!success) throw new Error(`the test preload can't be bundled: ${stderr.toString()}`);
  return stdout.toString();
}
