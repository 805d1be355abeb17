import { expect, test } from "bun:test";
import fc from "fast-check";
import { LineBytes } from "./line_bytes.ts";

function written(write: (line: LineBytes) => void): string {
  const line = new LineBytes(8192);
  write(line);
  return line.bytes.toString("latin1", 0, line.length);
}

test("whatever the bytes are, they fit between the quotes of a JSON string, in ASCII and within their limit", () => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(bytes, fc.integer({ min: 8, max: 100 }), (input, charsMax) => {
      const text = written((line) => line.quoted(input, 0, input.length, charsMax));
      expect(text.length).toBeLessThanOrEqual(charsMax);
      expect(text).toMatch(/^[ -~]*$/);
      JSON.parse(`"${text}"`);
    }),
  );
});

test("what is valid UTF-8 can be read again", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (input) => {
      const raw = Buffer.from(input, "utf8");
      expect(JSON.parse(`"${written((line) => line.quoted(raw, 0, raw.length, 4096))}"`)).toBe(input);
    }),
  );
});

test("numbers", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (n) => {
      expect(written((line) => line.count(n))).toBe(String(n));
    }),
  );
  for (const n of [0, 9, 10, 99, 100, 999_999_999, 1_000_000_000, 2_147_483_647, 2_147_483_648])
    expect(written((line) => line.count(n))).toBe(String(n));
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (n) => {
      expect(Number(written((line) => line.hundredths(n)))).toBeCloseTo(n, 1);
    }),
  );
  expect(written((line) => line.hundredths(0.25))).toBe("0.25");
  expect(written((line) => line.hundredths(12.051))).toBe("12.05");
  expect(written((line) => line.hundredths(0.999))).toBe("1");
});

test("digits over digits", () => {
  const text = written((line) => {
    line.text("a.999Z");
    line.fixed(7, 2, 3);
  });
  expect(text).toBe("a.007Z");
});
