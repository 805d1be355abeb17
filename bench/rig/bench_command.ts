import { join } from "node:path";
import { trivetBinary } from "../../test/harness/binary.ts";

/** How long a bench may take in its shortest form, also on a machine that does other work. */
export const SHORT_BENCH_MS = 120_000;

/** Runs `bench/NAME.ts` on the binary under test to its end. */
export async function benchCommand(name: string, words: readonly string[]) {
  const script = join(import.meta.dir, "..", `${name}.ts`);
  const child = Bun.spawn([process.execPath, script, "--trivet", trivetBinary(), ...words], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, code };
}
