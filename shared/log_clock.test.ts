import { expect, test } from "bun:test";
import { isoDate, LogClock, logDate, syslogDate } from "./log_clock.ts";

test("a moment to the millisecond, whatever order they come in", () => {
  const clock = new LogClock(isoDate);
  for (const ms of [0, 999, 1000, 1, 1_795_324_491_007, 1_795_324_491_999, 1_795_324_490_100]) {
    expect(`${clock.text(ms)}Z`).toBe(new Date(ms).toISOString());
  }
});

test("local time as Apache, HAProxy and syslog write it", () => {
  const date = new Date(2026, 10, 2, 4, 5, 6);
  expect(logDate(date)).toBe("02/Nov/2026:04:05:06");
  expect(syslogDate(date)).toBe("Nov  2 04:05:06");
});
