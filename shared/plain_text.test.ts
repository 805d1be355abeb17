import { expect, test } from "bun:test";
import { plainJson, plainLine, plainText } from "./plain_text.ts";

const HOSTILE = "a\x1b[2J\x07\x7f\x9b31m\u202eb\u2066c\u2028d\ud800e\u061cf";
const SHOWN = "a\\x1b[2J\\x07\\x7f\\x9b31m\\u202eb\\u2066c\\u2028d\\ud800e\\u061cf";

test("what terminals and readers obey is shown", () => {
  expect(plainText(HOSTILE)).toBe(SHOWN);
  expect(plainLine(HOSTILE)).toBe(SHOWN);
});

test("lines and tabs stay in a text, and are shown in a line", () => {
  expect(plainText("a\n\tb\rc")).toBe("a\n\tb\\x0dc");
  expect(plainLine("a\n\tb\rc")).toBe("a\\n\\tb\\x0dc");
  expect(plainText("a\nb", 2)).toBe("a\n");
});

test("what people write is left alone", () => {
  const text = "Zoë 東京 🎉 שלום é";
  expect([plainText(text), plainLine(text)]).toEqual([text, text]);
});

test("JSON stays the same value", () => {
  const json = JSON.stringify({ [HOSTILE]: HOSTILE }, null, 2);
  expect(plainJson(json)).not.toMatch(/[\x7f-\x9f\u202e]/);
  expect(JSON.parse(plainJson(json))).toEqual({ [HOSTILE]: HOSTILE });
});
