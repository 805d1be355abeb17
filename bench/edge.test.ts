import { expect, test } from "bun:test";
import { EDGE_CASES } from "./edge/case.ts";
import type { IdleRow, OfferedRow } from "./edge/table.ts";
import { benchCommand, SHORT_BENCH_MS } from "./rig/bench_command.ts";
import type { CpuRow } from "./rig/cpu_table.ts";

// Timings are not looked at: other work may run on the machine of the tests.
const SHORT = ["--rounds", "1", "--seconds", "0.2", "--warm-up", "0", "--offered", "500", "--idle", "50"];

const run = (...words: string[]) => benchCommand("edge", words);

test(
  "every proxy does all of the work, and no request fails",
  async () => {
    const { stdout, stderr, code } = await run(...SHORT, "--log", "json", "--json");
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const { cpu, offered, idle } = JSON.parse(stdout) as {
      cpu: CpuRow[];
      offered: OfferedRow[];
      idle: IdleRow[];
    };
    const four = ["Trivet", "Trivet, JSON log", "HAProxy", "nginx"];
    for (const { title, unix } of EDGE_CASES) {
      const expected = unix ? [...four.map((name) => `${name}, unix socket`), "HAProxy"] : four;
      expect(cpu.filter((row) => row.title === title).map(({ name }) => name)).toEqual(expected);
    }
    expect(offered.map(({ proxy }) => proxy)).toEqual(["no proxy", "Trivet", "HAProxy", "nginx"]);
    expect(idle.map(({ proxy, connections }) => `${proxy} ${connections}`)).toEqual([
      "Trivet 50",
      "HAProxy 50",
      "nginx 50",
    ]);
    for (const proxy of four) {
      const own = cpu.filter(({ name }) => name.startsWith(proxy));
      expect(own.reduce((sum, { requests }) => sum + requests, 0)).toBeGreaterThan(0);
    }
    for (const row of [...cpu, ...offered, ...idle]) expect(row).toMatchObject({ failed: 0 });
  },
  SHORT_BENCH_MS,
);

test("an unknown case is told", async () => {
  expect(await run("--cases", "get37")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--cases knows get36, "),
  });
});
