import { expect, test } from "bun:test";
import { QueueWaiters } from "./store/jobs/queue_waiters.ts";
import { sleep, TIMER_MS_MAX, timerMs } from "./timer.ts";

test("a time that setTimeout() can't take becomes the longest it can", async () => {
  expect([timerMs(5), timerMs(3e9)]).toEqual([5, TIMER_MS_MAX]);
  const waiters = new QueueWaiters();
  const waits = waiters.wait("a", 0, 3e9, AbortSignal.timeout(1000)).then(() => "ended");
  expect(await Promise.race([waits, Bun.sleep(30).then(() => "waits")])).toBe("waits");
  waiters.wake("a");
  expect(await waits).toBe("ended");
});

test("a sleep ends at its time, when aborted, and at once when it was aborted before", async () => {
  await sleep(1, new AbortController().signal);
  const abort = new AbortController();
  const long = sleep(Number.MAX_SAFE_INTEGER, abort.signal);
  abort.abort();
  await long;
  await sleep(Number.MAX_SAFE_INTEGER, abort.signal);
});
