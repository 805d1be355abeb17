import { expect, test } from "bun:test";
import { until } from "./until.ts";

test("gives what the condition gives", async () => {
  let calls = 0;
  expect(await until(() => (++calls > 2 ? calls : undefined), "three calls")).toBe(3);
});

test("a condition that throws is tried again", async () => {
  let calls = 0;
  const condition = () => {
    if (++calls < 3) throw new Error("not yet");
    return "done";
  };
  expect(await until(condition, "no throw")).toBe("done");
});

test("says in the end what was awaited and why it failed", async () => {
  const refuse = () => {
    throw new Error("the reason");
  };
  const thrown: unknown = await until(refuse, "the thing", 30).catch((error: unknown) => error);
  expect(String(thrown)).toContain("the thing: the reason");
});
