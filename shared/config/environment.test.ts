import { expect, test } from "bun:test";
import { expandEnvironment } from "./environment.ts";
import type { Problem } from "./problem.ts";

const ENV = { HOST: "h", EMPTY: "", TRICK: `\${HOST}` };

function expand(value: unknown) {
  const problems: Problem[] = [];
  return { value: expandEnvironment(value, ENV, problems), problems };
}

test.each([
  [`\${HOST}`, "h"],
  [`a-\${HOST}-b-\${HOST}`, "a-h-b-h"],
  [`\${NONE:-fallback}`, "fallback"],
  [`\${NONE:-}`, ""],
  [`\${EMPTY:-fallback}`, "fallback"],
  [`\${EMPTY}`, ""],
  [`\${TRICK}`, `\${HOST}`],
  [`$\${HOST}`, `\${HOST}`],
  ["$HOST $ {HOST}", "$HOST $ {HOST}"],
])("%s becomes %s", (text, expanded) => {
  expect(expand(text)).toEqual({ value: expanded, problems: [] });
});

test("strings in lists and tables are expanded, other values stay", () => {
  const date = new Date(0);
  expect(expand({ a: [`\${HOST}`, 1], b: { c: `\${HOST}` }, d: true, date }).value).toEqual({
    a: ["h", 1],
    b: { c: "h" },
    d: true,
    date,
  });
});

test("a variable that is not set is named with its place", () => {
  const [problem] = expand({ store: { url: [`\${NONE}`] } }).problems;
  expect(problem?.path).toEqual(["store", "url", 0]);
  expect(problem?.sentence).toContain("NONE is not set");
});

test.each([`\${`, `\${}`, `\${A B}`, `\${1A}`, `\${HOST`])("%s is refused", (text) => {
  expect(expand(text).problems).toHaveLength(1);
});
