import { expect, test } from "bun:test";
import fc from "fast-check";
import { BAD_LENGTH, readContentLength } from "./content_length.ts";
import { octets } from "./octets.ts";

const read = (text: string) => readContentLength(octets(`<${text}>`), 1, text.length + 1);

test.each([
  ["0", 0],
  ["5", 5],
  ["0005", 5],
  ["9007199254740991", Number.MAX_SAFE_INTEGER],
])("%j is %d", (text, length) => {
  expect(read(text)).toBe(length);
});

test.each([
  "",
  "+5",
  "-5",
  "5.0",
  "5,5",
  "5, 5",
  "0x5",
  "5 5",
  " 5",
  "5 ",
  "five",
  "5\0",
  "9007199254740992",
  "9".repeat(20),
])("%j is refused", (text) => {
  expect(read(text)).toBe(BAD_LENGTH);
});

test("digits and nothing else are a length", () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom("0", "1", "9", "+", "-", ",", " ", ".", "e", "x", "\xa0"),
        maxLength: 18,
      }),
      (text) => {
        const expected =
          /^[0-9]{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : BAD_LENGTH;
        expect(read(text)).toBe(expected);
      },
    ),
    { numRuns: 2000 },
  );
});
