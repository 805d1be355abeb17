import { expect, test } from "bun:test";
import { SolitudeNeed } from "./solitude.ts";

test("the process is there while jobs wait for it or run in it, and a while longer", () => {
  const need = new SolitudeNeed();
  const at = (nowMs: number, there: boolean, waiting: number, running = 0) =>
    need.next({ nowMs, there, waiting, running });
  expect(at(0, false, 0)).toBe("keep");
  expect(at(1_000, false, 3)).toBe("start");
  expect(at(2_000, true, 3)).toBe("keep");
  expect(at(60_000, true, 0, 1)).toBe("keep");
  expect(at(69_000, true, 0)).toBe("keep");
  expect(at(69_500, true, 1)).toBe("keep");
  expect(at(79_499, true, 0)).toBe("keep");
  expect(at(79_500, true, 0)).toBe("end");
  expect(at(80_000, false, 0)).toBe("keep");
});
