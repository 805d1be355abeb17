import { expect, test } from "bun:test";
import { Metrics } from "../../shared/metrics.ts";
import { RequestDeadline } from "./request_deadline.ts";

const LATE_MS = 20;
const request = () => new Request("http://app.test/a?secret=1");

function late(metrics: Metrics): number | undefined {
  const sample = metrics.samples().find(({ name }) => name === "trivet_serve_request_timeouts_total");
  return sample && "value" in sample ? sample.value : undefined;
}

test("a handler that is late is answered for, told so, and its late answer let go", async () => {
  const metrics = new Metrics();
  const deadline = new RequestDeadline(LATE_MS, metrics);
  let reason: unknown;
  const cancelled = Promise.withResolvers<void>();
  const handler = deadline.bound(async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    reason = signal.reason;
    return new Response(new ReadableStream({ cancel: () => cancelled.resolve() }));
  });
  const response = await handler(request(), undefined);
  expect(response?.status).toBe(504);
  await cancelled.promise;
  expect(reason).toMatchObject({ name: "TimeoutError" });
  expect(late(metrics)).toBe(1);
});

test("each has its own time, and what fails after it is not thrown", async () => {
  const deadline = new RequestDeadline(LATE_MS, new Metrics());
  const fail = Promise.withResolvers<never>();
  const handler = deadline.bound(() => fail.promise);
  const first = handler(request(), undefined);
  await Bun.sleep(LATE_MS / 2);
  const beganMs = performance.now();
  const second = handler(request(), undefined);
  expect((await first)?.status).toBe(504);
  expect((await second)?.status).toBe(504);
  expect(performance.now() - beganMs).toBeGreaterThan(LATE_MS - 2);
  fail.reject(new Error("too late for anybody"));
});

test("in time: the answer, the error and the client's own abort pass", async () => {
  const metrics = new Metrics();
  const deadline = new RequestDeadline(10_000, metrics);
  expect(await (await deadline.bound(async () => new Response("a"))(request(), undefined))?.text()).toBe("a");
  expect(deadline.bound(() => undefined)(request(), undefined)).toBeUndefined();
  const failing = deadline.bound(async () => Promise.reject(new Error("no")));
  expect(Promise.resolve(failing(request(), undefined))).rejects.toThrow("no");
  const client = new AbortController();
  let heard: AbortSignal | undefined;
  await deadline.bound(async (asked) => {
    heard = asked.signal;
    return undefined;
  })(new Request("http://app.test/", { signal: client.signal }), undefined);
  client.abort();
  expect(heard?.aborted).toBe(true);
  expect(late(metrics)).toBe(0);
});

test("0: the handler stays as it is", () => {
  const handler = () => undefined;
  expect(new RequestDeadline(0, new Metrics()).bound(handler)).toBe(handler);
});
