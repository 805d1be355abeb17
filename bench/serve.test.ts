import { expect, test } from "bun:test";
import { benchCommand, SHORT_BENCH_MS } from "./rig/bench_command.ts";
import type { CpuRow } from "./rig/cpu_table.ts";
import type { MemoryRow, StartRow } from "./serve/table.ts";

// Timings are not looked at: other work may run on the machine of the tests.
const SHORT = ["--rounds", "1", "--seconds", "0.2", "--warm-up", "0", "--starts", "2"];

const run = (...words: string[]) => benchCommand("serve", words);

test(
  "every server that is here does its work, and no request fails; the others are named",
  async () => {
    const { stdout, stderr, code } = await run(...SHORT, "--pm2", "/nowhere/pm2-runtime", "--json");
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain("Without /nowhere/pm2-runtime, which is not here: install npm's pm2");
    const { cpu, memory, starts } = JSON.parse(stdout) as {
      cpu: CpuRow[];
      memory: MemoryRow[];
      starts: StartRow[];
    };
    // Starman is on few machines.
    const namesOf = (rows: readonly { name: string }[]) =>
      rows.map(({ name }) => name).filter((name) => !name.includes("Starman"));
    expect(namesOf(cpu)).toEqual([
      ...["trivet serve", "Bun.serve"],
      ...["trivet serve, Elysia", "Elysia"],
      ...["trivet serve", "node:http cluster"],
      "trivet serve",
      ...["trivet up", "HAProxy + Bun.serve"],
    ]);
    for (const row of cpu) {
      expect(row).toMatchObject({ failed: 0 });
      expect(row.requests).toBeGreaterThan(0);
    }
    const alone = ["trivet serve", "trivet serve, Elysia", "Bun.serve", "Elysia", "node:http cluster"];
    expect(namesOf(memory)).toEqual(alone);
    for (const { oneBytes } of memory) expect(oneBytes).toBeGreaterThan(0);
    expect(starts).toHaveLength(4);
    for (const row of starts) {
      expect(row).toMatchObject({ starts: 2 });
      expect(row.medianMs).toBeGreaterThan(0);
    }
  },
  SHORT_BENCH_MS,
);

test("an unknown case is told", async () => {
  expect(await run("--cases", "perl")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--cases knows fetch, "),
  });
});
