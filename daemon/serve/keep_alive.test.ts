import { expect, test } from "bun:test";
import { until } from "../../test/harness/until.ts";
import { KeepAlive } from "./keep_alive.ts";

const request = () => new Request("http://app.test/");

/** Stands for Bun.serve: requests under way are in `open`. */
class Requests {
  readonly open = new Set<Request>();
  readonly renewed: Request[] = [];
  get pendingRequests(): number {
    return this.open.size;
  }
  asked = 0;
  requestIP(asked: Request): unknown {
    this.asked++;
    return this.open.has(asked) ? {} : null;
  }
}

function keepAlive(ms: number, requests: Requests): KeepAlive {
  return new KeepAlive(ms, requests, (renewed) => requests.renewed.push(renewed));
}

test("the timer is wound up again while a request is under way, and no longer", async () => {
  const requests = new Requests();
  const timer = keepAlive(1, requests);
  const [long, short, own] = [request(), request(), request()];
  const handler = timer.watched(() => undefined);
  for (const each of [long, own]) requests.open.add(each);
  for (const each of [long, short, own]) expect(handler(each, undefined)).toBeUndefined();
  timer.release(own);
  await until(() => requests.renewed.length > 1, "it is wound up twice");
  requests.open.clear();
  expect(new Set(requests.renewed)).toEqual(new Set([long]));
});

test("of thousands those that are done are let go of at once, and those under way are not", async () => {
  const requests = new Requests();
  const handler = keepAlive(1, requests).watched(() => undefined);
  const long = Array.from({ length: 1_500 }, request);
  for (const each of long) requests.open.add(each);
  for (const each of long) void handler(each, undefined);
  const short = request();
  for (let i = 0; i < 5_000; i++) void handler(short, undefined);
  // Each is looked at a few times at most, however many are under way.
  expect(requests.asked).toBeGreaterThan(5_000);
  expect(requests.asked).toBeLessThan(20_000);
  await until(() => requests.renewed.length >= long.length, "all are wound up");
  requests.open.clear();
  expect(new Set(requests.renewed)).toEqual(new Set(long));
});

test("in Bun's steps, and not at all", () => {
  expect(keepAlive(75_000, new Requests()).idleTimeoutS).toBe(79);
  expect(keepAlive(240_000, new Requests()).idleTimeoutS).toBeLessThanOrEqual(255);
  const never = keepAlive(0, new Requests());
  const handler = () => undefined;
  expect([never.idleTimeoutS, never.watched(handler)]).toEqual([0, handler]);
});
