import { expect, test } from "bun:test";
import { RequestIds } from "./request_id.ts";

test("ids are 32 hexadecimal digits, each another, over processes too", () => {
  const seen = new Set<string>();
  for (let process = 0; process < 3; process++) {
    const ids = new RequestIds();
    for (let i = 0; i < 10_000; i++) {
      const text = ids.text(ids.next());
      expect(text).toMatch(/^[0-9a-f]{32}$/);
      seen.add(text);
    }
  }
  expect(seen.size).toBe(30_000);
});

test("the fields are of the same number whenever they are asked for", () => {
  const ids = new RequestIds();
  const [first, second] = [ids.next(), ids.next()];
  const before = ids.fields(first).toString("latin1");
  expect(ids.fields(second).toString("latin1")).not.toBe(before);
  expect(ids.fields(first).toString("latin1")).toBe(before);
  expect(before).toBe(`X-Request-ID: ${ids.text(first)}\r\ntraceparent: ${ids.traceparent(first)}\r\n`);
});

test("traceparent is of version 00, its trace the request's id, its span not zero, not sampled", () => {
  const ids = new RequestIds();
  for (let i = 0; i < 1000; i++) {
    const number = ids.next();
    expect(ids.traceparent(number)).toMatch(new RegExp(`^00-${ids.text(number)}-(?!0{16})[0-9a-f]{16}-00$`));
  }
});
