import { expect, test } from "bun:test";
import { descriptorsFree, Gate } from "./gate.ts";

function gate(clientsMax: number, descriptorsMax: number) {
  const turns: boolean[] = [];
  const rooms = { again: 0 };
  const made = new Gate(
    (open) => turns.push(open),
    () => rooms.again++,
  );
  made.adopt({ clientsMax, descriptorsMax });
  return { gate: made, turns, rooms };
}

test("shuts at the cap of clients and opens when some have left", () => {
  const { gate: door, turns } = gate(100, 1000);
  for (let i = 0; i < 100; i++) door.clientCame();
  expect(turns).toEqual([false]);
  door.clientLeft();
  expect(turns).toEqual([false]);
  for (let i = 0; i < 2; i++) door.clientLeft();
  expect(turns).toEqual([false, true]);
});

test("connections to servers take descriptors too", () => {
  const { gate: door, turns } = gate(0, 10);
  for (let i = 0; i < 6; i++) door.clientCame();
  for (let i = 0; i < 4; i++) door.upstreamCame();
  expect(turns).toEqual([false]);
  door.upstreamLeft();
  expect(turns).toEqual([false, true]);
});

test("who found no descriptor for a server hears when one may be free", () => {
  const { gate: door, rooms } = gate(0, 10);
  while (door.hasRoom()) door.upstreamCame();
  expect(door.upstreams).toBeGreaterThan(10);
  door.upstreamLeft();
  expect([rooms.again, door.hasRoom()]).toEqual([1, true]);
  door.upstreamLeft();
  expect(rooms.again).toBe(1);
});

test("one client at most is one, not none", () => {
  const { gate: door, turns } = gate(1, 100);
  door.clientCame();
  door.clientLeft();
  expect(turns).toEqual([false, true]);
});

test("a reload may raise the cap while the door is shut", () => {
  const { gate: door, turns } = gate(1, 100);
  door.clientCame();
  door.adopt({ clientsMax: 5, descriptorsMax: 100 });
  expect(turns).toEqual([false, true]);
});

test("what this process may open is known", () => {
  expect(descriptorsFree()).toBeGreaterThan(0);
});
