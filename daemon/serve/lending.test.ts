import { expect, test } from "bun:test";
import { Lending } from "./lending.ts";

const WELL = 0;
const BLOCKED = 10_000;

function fleet(slots: number) {
  const ready = Array.from({ length: slots }, (_, slot) => ({ slot, silentMs: WELL }));
  const said: string[] = [];
  const changes: number[][] = [];
  const lending = new Lending({
    slots: () => slots,
    ready: () => ready,
    lend: (slot, to) => said.push(`${slot} to ${to.slot}`),
    giveBack: (slot, from) => said.push(`${slot} back from ${from.slot}`),
    changed: () => changes.push(answering()),
  });
  const answering = () => lending.answering().map(({ slot }) => slot);
  const look = () => {
    lending.look();
    return said.splice(0);
  };
  return { ready, look, answering, changes, shrink: () => slots-- };
}

test("a slot that does not answer is lent once, and given back when it answers again", () => {
  const { ready, look } = fleet(3);
  expect(look()).toEqual([]);
  const [gone] = ready.splice(1, 1);
  expect(look()).toEqual(["1 to 2"]);
  expect(look()).toEqual([]);
  if (gone) ready.push(gone);
  expect(look()).toEqual(["1 back from 2"]);
  expect(look()).toEqual([]);
});

test("whoever is blocked or replaced passes on what it had; one that comes back gives it back too", () => {
  const { ready, look } = fleet(3);
  const [first, second, third] = ready;
  if (!first || !second || !third) throw new Error("three");
  ready.splice(0, 1);
  expect(look()).toEqual(["0 to 1"]);
  second.silentMs = BLOCKED;
  expect(look()).toEqual(["0 to 2", "1 to 2"]);
  second.silentMs = WELL;
  expect(look()).toEqual(["1 back from 2"]);
  ready.push(first);
  expect(look()).toEqual(["0 back from 1", "0 back from 2"]);
  ready.splice(ready.indexOf(third), 1, { slot: 2, silentMs: WELL });
  expect(look()).toEqual([]);
});

test("when nobody answers there is nobody to lend to; a slot that was given up is given back", () => {
  const { ready, look, shrink } = fleet(2);
  const [one, two] = ready.splice(0);
  expect(look()).toEqual([]);
  if (one) ready.push(one);
  expect(look()).toEqual(["1 to 0"]);
  shrink();
  expect(look()).toEqual(["1 back from 0"]);
  expect(two?.slot).toBe(1);
});

test("who is silent is passed by until it answers, and nobody is when all are silent", () => {
  const { ready, look, answering, changes } = fleet(2);
  const [one, two] = ready;
  if (!one || !two) throw new Error("two");
  look();
  expect([answering(), changes]).toEqual([[0, 1], []]);
  one.silentMs = BLOCKED;
  look();
  look();
  expect([answering(), changes]).toEqual([[1], [[1]]]);
  two.silentMs = BLOCKED;
  look();
  expect([answering(), changes.splice(0)]).toEqual([
    [0, 1],
    [[1], [0, 1]],
  ]);
  one.silentMs = WELL;
  look();
  two.silentMs = WELL;
  look();
  look();
  expect(changes.splice(0)).toEqual([[0], [0, 1]]);
  // Who is gone was told of by its end.
  ready.pop();
  look();
  expect([answering(), changes]).toEqual([[0], []]);
});
