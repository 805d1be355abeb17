import { expect, test } from "bun:test";
import { benchCommand, SHORT_BENCH_MS } from "./rig/bench_command.ts";

const run = (...words: string[]) => benchCommand("c50k", words);

test(
  "a small crowd is held and answered",
  async () => {
    const { stdout, stderr, code } = await run("--n", "300", "--delay", "1", "--json");
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining("descriptors: ") });
    expect(JSON.parse(stdout)).toMatchObject({ answered: 300, failed: 0, reasons: {} });
  },
  SHORT_BENCH_MS,
);

test("more than any machine holds: the checks say what to change", async () => {
  const { stderr, code } = await run("--n", "100000000", "--check");
  expect(code).toBe(0);
  expect(stderr).toMatch(/^short memory: .* MiB of memory are available, /m);
  expect(stderr).toMatch(/^going on with \d+ of 100000000: /m);
});
