import { expect, test } from "bun:test";
import { FieldEdits } from "./field_edits.ts";
import { copyKeptFields, FieldTable, scanFields } from "./http/field_table.ts";
import { octets } from "./http/octets.ts";

function edited(edits: Record<string, string>, fields: string): string {
  const bytes = octets(`${fields}\r\n`);
  const table = new FieldTable();
  scanFields(bytes, 0, bytes.length, table, 100);
  const made = new FieldEdits(edits);
  made.drop(bytes, table);
  made.drop(bytes, table);
  const out = Buffer.alloc(1024);
  return out.toString("latin1", 0, copyKeptFields(bytes, 0, bytes.length - 2, table, out, 0)) + made.lines;
}

test("a field that is set stands once, in place of all of its name in any case", () => {
  expect(edited({ "X-A": "new" }, "x-a: 1\r\nB: 2\r\nX-A: 3\r\nX-AB: 4\r\nX-a: 5\r\n")).toBe(
    "B: 2\r\nX-AB: 4\r\nX-A: new\r\n",
  );
});

test("an underscore is a hyphen, in what is set and in what comes", () => {
  expect(edited({ "X-A-B": "new", x_c: "" }, "X_A_B: 1\r\nx-a_b: 2\r\nX_AB: 3\r\nX-C: 4\r\nX_C: 5\r\n")).toBe(
    "X_AB: 3\r\nX-A-B: new\r\n",
  );
});

test('"" removes; what was not there is no matter', () => {
  expect(edited({ Cookie: "", "X-Gone": "" }, "COOKIE: a\r\nAccept: b\r\ncookie: c\r\n")).toBe(
    "Accept: b\r\n",
  );
});

test("a value beyond ASCII goes out as UTF-8", () => {
  expect(new FieldEdits({ "X-A": "ü" }).lines).toEqual(Buffer.from("X-A: ü\r\n"));
});

test("no edits are null; names are known in lower case", () => {
  expect(FieldEdits.of({})).toBeNull();
  expect(FieldEdits.of({ Host: "" })?.names("host")).toBe(true);
  expect(FieldEdits.of({ "X-Host": "" })?.names("host")).toBe(false);
});
