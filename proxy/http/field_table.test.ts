import { expect, test } from "bun:test";
import fc from "fast-check";
import { BAD, copyKeptFields, FieldTable, MORE, scanFields, TOO_MANY_FIELDS } from "./field_table.ts";
import { octets } from "./octets.ts";

function scan(text: string, most = 100) {
  const table = new FieldTable();
  const bytes = octets(text);
  const after = scanFields(bytes, 0, bytes.length, table, most);
  const at = (i: number) => table.spans[i] ?? -1;
  const fields = Array.from({ length: after > 0 ? table.count : 0 }, (_, i) => [
    bytes.toString("latin1", at(i * 4), at(i * 4 + 1)),
    bytes.toString("latin1", at(i * 4 + 2), at(i * 4 + 3)),
  ]);
  return { after, fields, table, bytes };
}

test("fields are found with their values trimmed, up to the empty line", () => {
  const text = "A: b\r\nC:\td e \t\r\nF:\r\n\r\n";
  const { after, fields } = scan(`${text}GET`);
  expect(after).toBe(text.length);
  expect(fields).toEqual([
    ["A", "b"],
    ["C", "d e"],
    ["F", ""],
  ]);
});

test("every byte is needed", () => {
  const text = "Name: value here\r\nC: \r\n\r\n";
  for (let cut = 0; cut < text.length; cut++) expect(scan(text.slice(0, cut)).after).toBe(MORE);
});

test.each([
  "A : b",
  "A\t: b",
  ": b",
  " A: b",
  "A",
  "A b: c",
  "A: b\0",
  "A: b\rc",
  "A: b\nC: d",
  "A: \x7f",
  "A\xe4: b",
  "A(: b",
])("%j is refused", (line) => {
  expect(scan(`${line}\r\n\r\n`).after).toBe(BAD);
});

test("folded lines and bare ends of line are refused", () => {
  expect(scan("A: b\r\n c\r\n\r\n").after).toBe(BAD);
  expect(scan("A: b\r\n\n").after).toBe(BAD);
  expect(scan("A: b\r\n\rX").after).toBe(BAD);
});

test("one field more than allowed is too many", () => {
  expect(scan("A: b\r\n".repeat(3).concat("\r\n"), 3).after).toBeGreaterThan(0);
  expect(scan("A: b\r\n".repeat(4).concat("\r\n"), 3).after).toBe(TOO_MANY_FIELDS);
});

test("a table has room for as many fields as come, and keeps what is marked", () => {
  const line = (i: number) => `N${i}: v${i}\r\n`;
  const text = `${Array.from({ length: 100 }, (_, i) => line(i)).join("")}\r\n`;
  const { fields, table, bytes, after } = scan(text);
  expect(fields).toEqual(Array.from({ length: 100 }, (_, i) => [`N${i}`, `v${i}`]));
  for (const i of [0, 15, 16, 99]) table.drop(i);
  const out = Buffer.alloc(bytes.length);
  const end = copyKeptFields(bytes, 0, after - 2, table, out, 0);
  const kept = [0, 15, 16, 99].reduce((left, i) => left.replace(line(i), ""), text);
  expect(out.toString("latin1", 0, end)).toBe(kept.slice(0, -2));
});

test("dropped fields are left out of the copy, whichever they are", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), (drops) => {
      const lines = drops.map((_, i) => `N${i}: v${i}\r\n`);
      const { table, bytes, after } = scan(`${lines.join("")}\r\n`);
      drops.forEach((drop, i) => {
        if (drop) table.drop(i);
      });
      const out = Buffer.alloc(bytes.length);
      const end = copyKeptFields(bytes, 0, after - 2, table, out, 0);
      expect(out.toString("latin1", 0, end)).toBe(lines.filter((_, i) => !drops[i]).join(""));
    }),
  );
});

test("what was dropped of one head is forgotten with the next", () => {
  const table = new FieldTable();
  const bytes = octets("A: b\r\n\r\n");
  scanFields(bytes, 0, bytes.length, table, 10);
  table.drop(0);
  table.drop(0);
  expect(table.drops).toBe(1);
  scanFields(bytes, 0, bytes.length, table, 10);
  expect([table.drops, table.dropped[0]]).toEqual([0, 0]);
});
