import { expect, test } from "bun:test";
import { join } from "node:path";
import { trivetBinary } from "../test/harness/binary.ts";

const TIMEOUT_MS = 120_000;

async function run(...words: string[]) {
  const script = join(import.meta.dir, "c50k.ts");
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

test(
  "a small crowd is held and answered",
  async () => {
    const { stdout, stderr, code } = await run("--n", "300", "--delay", "1", "--json");
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining("descriptors: ") });
    expect(JSON.parse(stdout)).toMatchObject({ answered: 300, failed: 0, reasons: {} });
  },
  TIMEOUT_MS,
);

test("more than any machine holds: the checks say what to change", async () => {
  const { stderr, code } = await run("--n", "100000000", "--check");
  expect(code).toBe(0);
  expect(stderr).toMatch(/^short memory: .* MiB of memory are available, /m);
  expect(stderr).toMatch(/^going on with \d+ of 100000000: /m);
});
