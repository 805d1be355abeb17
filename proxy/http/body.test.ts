import { expect, test } from "bun:test";
import { Body } from "./body.ts";

function take(body: Body, text: string, from = 0): string {
  const bytes = Buffer.from(text, "latin1");
  const after = body.take(bytes, from, bytes.length);
  return `${bytes.toString("latin1", from, body.keptEnd)}|${bytes.toString("latin1", after)}`;
}

test("a body of known length takes so much, over several takes", () => {
  const body = new Body();
  body.start("length", 5, false);
  expect(take(body, "hel")).toBe("hel|");
  expect([body.done, body.left, body.bytes]).toEqual([false, 2, 3]);
  expect(take(body, "XXloGET", 2)).toBe("lo|GET");
  expect([body.done, body.left, body.bytes]).toEqual([true, 0, 5]);
});

test("a length of 0 is no body", () => {
  const body = new Body();
  body.start("length", 0, false);
  expect(body.done).toBe(true);
  expect(take(body, "GET")).toBe("|GET");
});

test("no body takes nothing", () => {
  const body = new Body();
  body.start("none", 0, false);
  expect(body.done).toBe(true);
  expect(take(body, "GET")).toBe("|GET");
});

test("a body until the end of the connection takes all and is never done by itself", () => {
  const body = new Body();
  body.start("until_close", 0, false);
  expect(take(body, "0\r\n\r\n")).toBe("0\r\n\r\n|");
  expect([body.done, body.bytes]).toEqual([false, 5]);
});

test("a chunked body is cleaned in place, counts its data, and says when it is broken", () => {
  const body = new Body();
  body.start("chunked", 0, false);
  expect(take(body, "2;x\r\nhi\r\n0\r\nT: 1\r\n\r\nGET")).toBe("2\r\nhi\r\n0\r\n\r\n|GET");
  expect([body.done, body.bytes, body.broken]).toEqual([true, 2, false]);
  body.start("chunked", 0, true);
  expect(take(body, "2\r\nhi\r\n")).toBe("hi|");
  expect([body.done, body.bytes]).toEqual([false, 2]);
  take(body, "x");
  expect(body.broken).toBe(true);
});

test("a body that starts again knows nothing of the one before", () => {
  const body = new Body();
  body.start("chunked", 0, false);
  take(body, "x");
  body.start("length", 2, false);
  expect([body.broken, body.done, body.bytes]).toEqual([false, false, 0]);
  expect(take(body, "hi")).toBe("hi|");
});
