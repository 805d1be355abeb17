import { expect, test } from "bun:test";
import { Lending } from "./lending.ts";

const WELL = 0;
const BLOCKED = 10_000;

function fleet(slots: number) {
  const ready = Array.from({ length: slots }, (_, slot) => ({ slot, silentMs: WELL }));
  const said: string[] = [];
  const lending = new Lending({
    slots: () => slots,
    ready: () => ready,
    lend: (slot, to) => said.push(`${slot} to ${to.slot}`),
    giveBack: (slot, from) => said.push(`${slot} back from ${from.slot}`),
  });
  const look = () => {
    lending.look();
    return said.splice(0);
  };
  return { ready, look, shrink: () => slots-- };
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
