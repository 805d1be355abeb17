import { expect, test } from "bun:test";
import type { RulesPlan } from "./plan.ts";
import { answerBytes, type ConnectionOption, routeAnswer } from "./route_answer.ts";

function said(
  keys: Partial<RulesPlan>,
  { target = "/x?y", option = "" as ConnectionOption, toHead = false } = {},
): string[] {
  const answer = routeAnswer({
    redirect: undefined,
    respond: undefined,
    strip_prefix: false,
    access_log: true,
    allow: [],
    deny: [],
    headers: { request: {}, response: {} },
    ...keys,
  });
  if (!answer) throw new Error("no answer");
  return answerBytes(answer, Buffer.from(target), option, toHead).toString().split("\r\n");
}
const headers = (response: Record<string, string>) => ({ request: {}, response });

test("to an origin, path and query are kept; to a path, it is used as it is", () => {
  expect(said({ redirect: { to: "https://b.test", status: 301 } })).toEqual([
    "HTTP/1.1 301 Moved Permanently",
    "Content-Length: 0",
    "Location: https://b.test/x?y",
    "",
    "",
  ]);
  expect(said({ redirect: { to: "https://b.test/", status: 308 } })).toContain("Location: https://b.test/");
  expect(said({ redirect: { to: "/new?z", status: 302 } })).toContain("Location: /new?z");
});

test("an answer with a body, and without one to HEAD", () => {
  const respond = { status: 200, body: "grün" };
  const head = ["HTTP/1.1 200 OK", "Content-Type: text/plain; charset=utf-8", "Content-Length: 5", ""];
  expect(said({ respond })).toEqual([...head, "grün"]);
  expect(said({ respond }, { toHead: true })).toEqual([...head, ""]);
});

test.each([[204], [304]])("%d tells no length", (status) => {
  expect(said({ respond: { status, body: "" } }).slice(1)).toEqual(["", ""]);
});

test("a status without a name, and an empty body", () => {
  expect(said({ respond: { status: 299, body: "" } })).toEqual([
    "HTTP/1.1 299 ",
    "Content-Length: 0",
    "",
    "",
  ]);
});

test("the connection's option comes last in the head", () => {
  expect(
    said({ respond: { status: 200, body: "x" } }, { option: "Connection: close\r\n" }).slice(-3),
  ).toEqual(["Connection: close", "", "x"]);
});

test("the route's fields take the place of ours", () => {
  const respond = { status: 200, body: "{}" };
  expect(said({ respond, headers: headers({ "content-type": "application/json", "X-A": "é" }) })).toEqual([
    "HTTP/1.1 200 OK",
    "Content-Length: 2",
    "content-type: application/json",
    "X-A: é",
    "",
    "{}",
  ]);
  expect(said({ respond, headers: headers({ "Content-Type": "" }) })[1]).toBe("Content-Length: 2");
  const redirect = { to: "https://b.test", status: 302 as const };
  expect(
    said({ redirect, headers: headers({ Location: "/own" }) }).filter((line) => /location/i.test(line)),
  ).toEqual(["Location: /own"]);
});
