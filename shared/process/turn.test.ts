import { expect, test } from "bun:test";
import { Turn } from "./turn.ts";

test("one at a time, in order, also after one that failed", async () => {
  const turn = new Turn();
  const said: string[] = [];
  const work = (name: string, fails = false) =>
    turn.take(async () => {
      said.push(`${name} begins`);
      await Bun.sleep(1);
      said.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const all = await Promise.allSettled([work("a"), work("b", true), work("c")]);
  expect(all.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(said).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});
