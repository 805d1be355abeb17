import { expect, test } from "bun:test";
import { tracingChannel } from "node:diagnostics_channel";
import { tellOfListeners } from "./redis_tracing.ts";

test("a channel tells whether anybody listens to any part of it", () => {
  tellOfListeners();
  const channel = tracingChannel("trivet:test");
  const heard: unknown[] = [];
  const listeners = { error: (message: unknown) => heard.push(message) };
  expect(channel.hasSubscribers).toBe(false);
  channel.subscribe(listeners);
  expect(channel.hasSubscribers).toBe(true);
  channel.error.publish({ n: 1 });
  expect(heard).toEqual([{ n: 1 }]);
  channel.unsubscribe(listeners);
  expect(channel.hasSubscribers).toBe(false);
});
