import { expect, test } from "bun:test";
import { isError, messageOf, shownValue, stackOf, titleOf, within } from "./thrown_value.ts";

const throws = () => {
  throw new Error("from a getter");
};
const never = () => {
  for (;;);
};
const proxy = new Proxy(new Error("inside"), { get: throws, getPrototypeOf: throws, has: throws });
const withOwn = (name: string, descriptor: PropertyDescriptor) =>
  Object.defineProperty(new Error("m"), name, descriptor);

test("an error as it is, anything else as what was thrown", () => {
  expect(titleOf(new TypeError("m"))).toBe("TypeError: m");
  expect(titleOf(new Error(""))).toBe("Error");
  expect(messageOf(new TypeError("m"))).toBe("m");
  expect(stackOf(new TypeError("m"))).toContain("thrown_value.test.ts");
  expect([titleOf(undefined), titleOf("text"), titleOf(Symbol("s")), titleOf(7n)]).toEqual([
    "threw undefined",
    'threw "text"',
    "threw Symbol(s)",
    "threw 7n",
  ]);
  expect([messageOf("text"), messageOf(42), stackOf("text")]).toEqual(["text", "42", undefined]);
});

test.each([
  ["a stack that is a list", withOwn("stack", { value: [1, 2] }), "Error: m"],
  ["a stack that throws", withOwn("stack", { get: throws }), "Error: m"],
  ["a stack that never ends", withOwn("stack", { get: never }), "Error: m"],
  ["a Symbol as message", withOwn("message", { value: Symbol("m") }), "Error"],
  ["a message that throws", withOwn("message", { get: throws }), "Error"],
  ["a message that never ends", withOwn("message", { get: never }), "Error"],
  ["a name that throws", withOwn("name", { get: throws }), "Error: m"],
  ["a Proxy", proxy, "threw a Proxy"],
  ["a toString that throws", { toString: throws }, /^threw \{/],
  ["an inspection that throws", { [Bun.inspect.custom]: throws }, "threw a value that can't be shown"],
  ["an inspection that never ends", { [Bun.inspect.custom]: never }, "threw a value that can't be shown"],
  ["an inspection that gives no text", { [Bun.inspect.custom]: () => ({}) }, /^threw /],
  ["a huge list", [Array.from({ length: 1e6 }, () => "x")], "threw a value that can't be shown"],
  ["a huge buffer", new Uint8Array(1e7), "threw a value that can't be shown"],
  ["a huge BigInt", 1n << 10_000_000n, "threw a large BigInt"],
])("%s is told of, too", (_, thrown, title) => {
  expect(titleOf(thrown)).toMatch(title instanceof RegExp ? title : new RegExp(`^${RegExp.escape(title)}$`));
  expect(messageOf(thrown)).toBeString();
  stackOf(thrown);
});

test("what is long is cut", () => {
  expect(messageOf(new Error("x".repeat(1e6))).length).toBeLessThan(70_000);
  expect(shownValue("x".repeat(1e6)).length).toBeLessThan(10_000);
  expect(isError(new DOMException("late", "TimeoutError"))).toBe(true);
});

test("a look inside another one has the time of the outer one", () => {
  expect(within(() => within(() => "inner"))).toBe("inner");
  expect(within(() => [within(never, 3_600_000), "outer"], 50)).toBeUndefined();
  expect(within(() => "after")).toBe("after");
});
