import { expect, test } from "bun:test";
import { ServerHealth } from "./server_health.ts";

/** Results as "+" and "-", the state after each as "u" and "d". */
function states(results: string, rise = 2, fall = 3): string {
  const health = new ServerHealth();
  return [...results]
    .map((sign, atMs) => {
      const before = health.state;
      const changed = health.judge({ passed: sign === "+", said: sign, tookMs: 1, atMs }, { rise, fall });
      expect(changed).toBe(health.state !== before);
      return health.state[0];
    })
    .join("");
}

test("a server starts up, goes down after `fall` failures in a row, and is back after `rise` passes in a row", () => {
  expect(states("---++")).toBe("uuddu");
});

test("the opposite result starts the count over", () => {
  expect(states("--+--+--")).toBe("uuuuuuuu");
  expect(states("---+-+-++")).toBe("uuddddddu");
});

test("one is enough when the config says so", () => {
  expect(states("-+-+", 1, 1)).toBe("dudu");
});

test("the last result and the time of the change are kept", () => {
  const health = new ServerHealth();
  health.judge({ passed: false, said: "500", tookMs: 2, atMs: 77 }, { rise: 1, fall: 1 });
  expect([health.state, health.sinceMs, health.last?.said]).toEqual(["down", 77, "500"]);
});

test("errors in a row count whoever saw them, and a good answer starts over", () => {
  const health = new ServerHealth();
  const saw = (errors: number, well = false) => health.saw({ errors, well }, 5);
  expect([saw(2), saw(2), saw(0, true), saw(4), saw(1)]).toEqual([false, false, false, false, true]);
  // Not taken out, as too few others were left: so many more are told of again.
  expect([saw(4), saw(3, true), saw(1), saw(1)]).toEqual([false, false, false, true]);
  saw(4);
  health.comeBack(1);
  expect(saw(1)).toBe(false);
});
