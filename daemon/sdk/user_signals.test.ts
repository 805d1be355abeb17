import { expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { UserSignals } from "./user_signals.ts";

function keptFrom() {
  const target = new EventEmitter();
  const own = () => undefined;
  target.on("SIGTERM", own);
  const signals = new UserSignals();
  signals.keepFrom(target as NodeJS.Process);
  return { target, signals, own };
}

test("listeners wait for tell(), in their order, and ours are not seen", async () => {
  const { target, signals } = keptFrom();
  const heard: unknown[] = [];
  expect(target.listenerCount("SIGTERM")).toBe(0);
  expect(target.on("SIGTERM", (...given) => heard.push(given))).toBe(target);
  target.once("SIGTERM", () => heard.push("once"));
  target.prependListener("SIGTERM", () => heard.push("first"));
  target.on("SIGINT", () => heard.push("not for two signals"));
  expect(target.listenerCount("SIGTERM")).toBe(3);
  target.emit("SIGTERM");
  expect(heard).toEqual([]);
  await signals.tell(() => undefined);
  expect(heard).toEqual(["first", ["SIGTERM", 15], "once"]);
  expect(target.listenerCount("SIGTERM")).toBe(2);
});

test("they can be removed, one and all, without ours", () => {
  const { target, own } = keptFrom();
  const listener = () => undefined;
  const emitted: string[] = [];
  target
    .on("SIGINT", listener)
    .on("SIGHUP", listener)
    .on("other", () => emitted.push("other"));
  expect(target.eventNames()).toEqual(["other", "SIGINT", "SIGHUP"]);
  target.off("SIGINT", listener);
  expect(target.listeners("SIGINT")).toEqual([]);
  target.emit("other");
  target.removeAllListeners();
  target.emit("other");
  expect(emitted).toEqual(["other"]);
  expect(target.eventNames()).toEqual([]);
  expect(EventEmitter.prototype.listeners.call(target, "SIGTERM")).toEqual([own]);
});

test("where nobody listens for TERM, INT is what a manager sends; each is awaited, and one that fails keeps none", async () => {
  const { target, signals } = keptFrom();
  const failures: unknown[] = [];
  let done = false;
  target.on("SIGINT", () => {
    throw new Error("no luck");
  });
  target.on("SIGINT", async () => {
    await Bun.sleep(1);
    done = true;
  });
  await signals.tell((error) => failures.push(error));
  expect(failures).toEqual([new Error("no luck")]);
  expect(done).toBe(true);
});
