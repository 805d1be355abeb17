import { expect, test } from "bun:test";
import { Turns } from "./turns.ts";

test("one a turn, in order, those who have more behind the others", async () => {
  const left = new Map([
    ["a", 3],
    ["b", 1],
    ["c", 2],
  ]);
  const went: string[] = [];
  const turnsOf: number[] = [];
  let turn = 0;
  const count = () => {
    turn++;
    if (went.length < 6) setImmediate(count);
  };
  const { promise, resolve } = Promise.withResolvers<void>();
  const turns = new Turns<string>((name) => {
    went.push(name);
    turnsOf.push(turn);
    const more = (left.get(name) ?? 0) - 1;
    left.set(name, more);
    if (more > 0) turns.add(name);
    else if (went.length === 6) resolve();
  });
  count();
  for (const name of left.keys()) turns.add(name);
  turns.add("a");
  await promise;
  expect(went.join("")).toBe("abcaca");
  expect(new Set(turnsOf).size).toBe(6);
});

test("it goes on when everybody has gone meanwhile", async () => {
  const went: string[] = [];
  const turns = new Turns<string>((name) => went.push(name));
  for (const name of ["a", "b"]) {
    turns.add(name);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  }
  expect(went).toEqual(["a", "b"]);
});
