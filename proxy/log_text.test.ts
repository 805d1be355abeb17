import { expect, test } from "bun:test";
import fc from "fast-check";
import { escapeJson, haproxyText, watchedText, wordOf } from "./log_text.ts";

const PRINTABLE = /^[ -~]*$/;
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));

test("escaped text can be read again, is ASCII", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (input) => {
      expect(JSON.parse(`"${escapeJson(input, 4096)}"`)).toBe(input);
      expect(escapeJson(input, 4096)).toMatch(PRINTABLE);
    }),
  );
});

test("HAProxy's escapes are two digits behind a #, and nothing else than ASCII is left", () => {
  const raw = Buffer.from('/a"b#c{d}|\x00\x1b\x7f\xff', "latin1");
  expect(haproxyText(raw, 0, raw.length, 100)).toBe("/a#22b#23c{d}|#00#1B#7F#FF");
  fc.assert(
    fc.property(bytes, fc.integer({ min: 8, max: 100 }), (input, charsMax) => {
      const text = haproxyText(input, 0, input.length, charsMax);
      expect(text.length).toBeLessThanOrEqual(charsMax);
      expect(text).toMatch(/^[ !$-~]*(?:#[0-9A-F]{2}[ !$-~]*)*$/);
    }),
  );
});

test("for a terminal nothing is left that it would obey", () => {
  const raw = Buffer.from('/a\x1b[2J\x9b\xff"', "latin1");
  expect(watchedText(raw, 0, raw.length, 100)).toBe('/a\\x1b[2J\\x9b\\xff"');
});

test.each([
  ["127.0.0.1:80", "127.0.0.1:80"],
  ["unix:/run/app/a.sock", "unix:run-app-a.sock"],
  ["my app", "my_app"],
  ["ä/b", "_-b"],
])("the name %s is the word %s", (name, word) => {
  expect(wordOf(name)).toBe(word);
});
