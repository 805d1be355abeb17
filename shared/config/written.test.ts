import { expect, test } from "bun:test";
import { shownAs } from "./written.ts";

const shown = shownAs({
  a: { b: ["x", `\${S}`, `a\${S:-default}b`] },
  list: [{ name: `\${S}` }],
  escaped: `$\${S}`,
  number: 1,
});

test.each([
  [["a", "b", 1], `\${S}`],
  [["a", "b", 2], `a\${S:-default}b`],
  [["list", 0, "name"], `\${S}`],
  // No variable stands there: the value is the file's own.
  [["a", "b", 0], "value"],
  [["escaped"], "value"],
  [["number"], "value"],
  [["a", "none"], "value"],
  [["none", 0, "name"], "value"],
  [["a", 0], "value"],
  [["toString"], "value"],
])("%j is shown as %s", (path, text) => {
  expect(shown(path, "value")).toBe(text);
});
