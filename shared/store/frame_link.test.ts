import { expect, test } from "bun:test";
import { shared } from "./frame_link.ts";

test("messages share a frame as far as one may hold them, in their order", () => {
  expect(shared(["1", "2", "3"], 100)).toEqual(["[1,2,3]"]);
  expect(shared(["11", "22", "33", "4"], 4)).toEqual(["[11,22]", "[33,4]"]);
  expect(shared(["1", "22222222", "3"], 4)).toEqual(["[1]", "[22222222]", "[3]"]);
  expect(shared(["22222222"], 4)).toEqual(["[22222222]"]);
});
