import { describe, expect, test } from "bun:test";
import { chosenSlots, slotsBetween, untilNextSlot } from "./cron_slots.ts";

const slots = (schedule: string, timezone: string, from: string, to: string) =>
  slotsBetween({ schedule, timezone }, Date.parse(from), Date.parse(to)).map((ms) =>
    new Date(ms).toISOString().slice(5, 16),
  );

describe("the slots of a schedule", () => {
  test("after the first moment, up to and with the last", () => {
    expect(slots("0 3 * * *", "UTC", "2026-01-01T03:00Z", "2026-01-03T03:00Z")).toEqual([
      "01-02T03:00",
      "01-03T03:00",
    ]);
  });

  test("on the clock of the time zone", () => {
    expect(slots("0 3 * * *", "Asia/Kolkata", "2026-01-01T00:00Z", "2026-01-02T00:00Z")).toEqual([
      "01-01T21:30",
    ]);
  });

  test("a time that the clock jumps over is due right after the jump", () => {
    expect(slots("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", "2026-03-30T12:00Z")).toEqual([
      "03-29T01:00",
      "03-30T00:30",
    ]);
  });

  test("a time that the clock passes twice is due once, each step is", () => {
    expect(slots("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", "2026-10-26T12:00Z")).toEqual([
      "10-25T00:30",
      "10-26T01:30",
    ]);
    expect(slots("*/30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", "2026-10-25T12:00Z").length).toBe(4);
  });

  test("of many the latest hundred", () => {
    const found = slots("* * * * *", "UTC", "2026-01-01T00:00Z", "2026-01-01T12:00Z");
    expect([found.length, found.at(-1)]).toEqual([100, "01-01T12:00"]);
  });

  test.each([
    ["* * * * * *", "2026-05-01T00:00Z", "2026-05-11T00:00:30.400Z", "05-11T00:00", 99_400],
    ["* * 3 * * *", "2026-05-01T00:00Z", "2026-05-11T00:00Z", "05-10T03:59", 72_100_000],
    ["* * * * *", "2025-05-01T00:00Z", "2026-05-01T00:00Z", "05-01T00:00", 99 * 60_000],
  ])("of a long time away the latest, soon: %s", (schedule, from, to, latest, agoMs) => {
    const found = slotsBetween({ schedule, timezone: "UTC" }, Date.parse(from), Date.parse(to));
    expect([found.length, new Date(found.at(-1) ?? 0).toISOString().slice(5, 16)]).toEqual([100, latest]);
    expect(Date.parse(to) - (found[0] ?? 0)).toBe(agoMs);
  });

  test("until the next one", () => {
    const nowMs = Date.parse("2026-01-01T02:59:00Z");
    expect(untilNextSlot({ schedule: "0 3 * * *", timezone: "UTC" }, nowMs)).toBe(60_000);
  });
});

test("what is enqueued after a time away", () => {
  const nowMs = 1_000_000;
  const due = [100_000, 500_000, 990_000];
  expect(chosenSlots(due, "all", nowMs)).toEqual(due);
  expect(chosenSlots(due, "one", nowMs)).toEqual([990_000]);
  expect(chosenSlots(due, "skip", nowMs)).toEqual([990_000]);
  expect(chosenSlots(due.slice(0, 2), "skip", nowMs)).toEqual([]);
  expect(chosenSlots(due.slice(0, 2), "one", nowMs)).toEqual([500_000]);
  expect(chosenSlots([], "one", nowMs)).toEqual([]);
});
