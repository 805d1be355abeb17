import { expect, test } from "bun:test";
import { Shutdown } from "./shutdown.ts";

test("the newest first, each awaited, none kept by one that fails", async () => {
  const shutdown = new Shutdown();
  const done: string[] = [];
  shutdown.onShutdown(() => done.push("first"));
  shutdown.onShutdown(() => Promise.reject(new Error("no luck")));
  shutdown.onShutdown(async () => {
    await Bun.sleep(1);
    done.push("last");
  });
  expect(() => shutdown.onShutdown(1 as never)).toThrow("onShutdown needs a function");
  await shutdown.run();
  expect(done).toEqual(["last", "first"]);
});
