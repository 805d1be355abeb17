/** Jobs by the clock after a time in which no worker ran. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SqliteJobStore } from "../shared/store/jobs/sqlite.ts";
import { Folder } from "./harness/folder.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

const HANDLERS = `
import { appendFileSync } from "node:fs";
import { defineJobs } from "trivet";
export default defineJobs({
  tick: { run: (payload, job) => appendFileSync("ran.txt", job.id + "\\n") },
});
`;
const DAY_MS = 24 * 3_600_000;

test("after ten days away, what is due every second is made up for by the latest, not by the first", async () => {
  await using folder = await Folder.make();
  const path = join(folder.path, "trivet.db");
  const startMs = Date.now();
  const store = new SqliteJobStore(path);
  for (const name of ["all", "one", "skip"]) await store.crons.done(name, startMs - 10 * DAY_MS);
  await store.close();
  const crons = ["all", "one", "skip"].map(
    (name) =>
      `[[worker.cron]]\nname = "${name}"\nschedule = "* * * * * *"\ntype = "tick"\ncatch_up = "${name}"\n`,
  );
  await using site = await Trivet.start({
    mode: "worker",
    config: `[store]\nurl = "sqlite:${path}"\n${crons.join("")}`,
    files: { "jobs.ts": HANDLERS },
  });
  const slotsOf = (name: string) =>
    readFileSync(join(site.folder.path, "ran.txt"), "utf8")
      .split("\n")
      .filter((id) => id.startsWith(`cron:${name}:`))
      .map((id) => Date.parse(id.slice(`cron:${name}:`.length)))
      .toSorted((a, b) => a - b);
  // The hundred of before and some that came since; the current ones are not behind them.
  await until(() => slotsOf("all").length > 102, "those that were missed and new ones run");
  await until(() => slotsOf("one").length > 1 && slotsOf("skip").length > 61, "so do the others");
  const oldestMs = (name: string) => startMs - (slotsOf(name)[0] ?? 0);
  expect(oldestMs("all")).toBeLessThan(101_000);
  expect(oldestMs("one")).toBeLessThan(2_000);
  expect(oldestMs("skip")).toBeLessThan(62_000);
  const all = slotsOf("all");
  expect(all.every((slotMs, i) => i === 0 || slotMs - (all[i - 1] ?? 0) === 1_000)).toBe(true);
}, 120_000);
