import { expect, test } from "bun:test";
import { mutantsOf, mutated } from "./mutant.ts";

const TEXT = `export function pick(list: Array<string>, at: number): string | undefined {
  // at < 0 is the last
  if (at < list.length && at >= 0) return list[at];
  count.value++;
  forget(at);
  return undefined;
}`;

test("each operator is broken by itself, and each effect left out", () => {
  expect(mutantsOf(TEXT).map(({ line, now }) => `${line}: ${now.trim()}`)).toEqual([
    "3: if (at <= list.length && at >= 0) return list[at];",
    "3: if (at < list.length && at > 0) return list[at];",
    "3: if (at < list.length || at >= 0) return list[at];",
    "3: if (at < list.length && at >= 2) return list[at];",
    "4: count.value--;",
    "4: ",
    "5: ",
  ]);
});

test("types and comments are left alone", () => {
  expect(mutantsOf("// a && b\ntype A = { b: true };\nlet c: true | 1;\n")).toEqual([]);
});

test("a mutant is the text with one other line", () => {
  expect(mutated("a\nb\nc", { line: 2, was: "b", now: "x" })).toBe("a\nx\nc");
});
