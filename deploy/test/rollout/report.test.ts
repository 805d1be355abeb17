import { expect, test } from "bun:test";
import type { Case } from "./cases.ts";
import { complaintOf, tableOf } from "./report.ts";

const tally = (ok: number, failed: number) => ({
  ok,
  failed,
  kinds: {},
  reasons: ["fresh: answered 503"],
  latenciesMs: [1, 2, 3, 100],
  worstPauseMs: 12,
  reconnects: 1,
  enqueued: [],
});
const outcome = (failures: Case["failures"], ok: number, failed: number, fault?: string) => ({
  one: { name: "a case", short: true, failures, run: async () => undefined },
  tally: tally(ok, failed),
  seconds: 3,
  fault,
});

test.each([
  ["none", 100, 0, undefined, ""],
  ["none", 100, 1, undefined, "1 requests failed: fresh: answered 503"],
  ["none", 0, 0, undefined, "no request was answered: the load did not run"],
  ["none", 100, 0, "the playbook ended with code 2", "the playbook ended with code 2"],
  ["in flight", 100, 13, undefined, ""],
  ["in flight", 100, 50, undefined, "50 requests failed, more than were in flight: fresh: answered 503"],
  ["some", 100, 3, undefined, ""],
  ["some", 100, 0, undefined, "nothing failed: this test would not see a failure"],
] as const)("%s may fail, %i answered, %i failed, %p: %s", (failures, ok, failed, fault, complaint) => {
  expect(complaintOf(outcome(failures, ok, failed, fault))).toBe(complaint);
});

test("the table", () => {
  expect(
    tableOf([outcome("none", 4, 1)])
      .split("\n")
      .at(-1),
  ).toBe("| a case | 4 | 1 | 1 | 2.0 | 3.0 | 12 | 3 | NOT |");
});
