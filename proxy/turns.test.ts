import { expect, test } from "bun:test";
import { Turns } from "./turns.ts";

test("one a turn, in order, those who have more behind the others", async () => {
  const left = new Map([
    ["a", 3],
    ["b", 1],
    ["c", 2],
  ]);
  const went: string[] = [];
  let inOneTurn = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const turns = new Turns<string>((name) => {
    expect(++inOneTurn).toBe(1);
    setImmediate(() => {
      inOneTurn = 0;
    });
    went.push(name);
    const more = (left.get(name) ?? 0) - 1;
    left.set(name, more);
    if (more > 0) turns.add(name);
    else if (went.length === 6) resolve();
  });
  for (const name of left.keys()) turns.add(name);
  turns.add("a");
  await promise;
  expect(went.join("")).toBe("abcaca");
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
