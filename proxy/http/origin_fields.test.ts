import { expect, test } from "bun:test";
import { copyKeptFields } from "./field_table.ts";
import { parseRequestHead, RequestHead } from "./request_head.ts";

/** The names of the fields that go on to the server. */
function kept(names: readonly string[], believed: boolean): string[] {
  const start = "GET / HTTP/1.1\r\nHost: a\r\n";
  const bytes = Buffer.from(`${start}${names.map((name) => `${name}: 1\r\n`).join("")}\r\n`);
  const head = new RequestHead();
  const limits = { headBytesMax: 4096, targetBytesMax: 256, fieldsMax: 100 };
  expect(parseRequestHead(bytes, 0, bytes.length, head, limits)).toBe(bytes.length);
  if (believed) head.fields.believe();
  const out = Buffer.alloc(bytes.length);
  const end = copyKeptFields(bytes, start.length, head.fieldsEnd, head.fields, out, 0);
  return Array.from(out.toString("latin1", 0, end).matchAll(/^(.*): /gm), ([, name = ""]) => name);
}

const SAID_BY_US = ["X-Forwarded-For", "x-forwarded-HOST", "X-Forwarded-Prefix", "X-Forwarded-Proto"];
const BELIEVED_BY_APPS = ["X-Forwarded-Port", "x-forwarded-ssl", "X-FORWARDED-SCHEME", "X-Forwarded-User"];
const OTHERS = ["X-Forwarded", "X-Forwarded-", "X-Forwarde-Port", "X-Real-IPs", "X-A", "X", "Forward", "A_B"];

test.each([true, false])("what we say ourselves never goes on; a proxy believed: %p", (believed) => {
  expect(kept([...SAID_BY_US, "X-Real-IP", "X_Real_IP", "X-Request-ID", "X-Request_ID"], believed)).toEqual(
    [],
  );
});

test("what apps believe goes on when the proxy before us is believed", () => {
  expect(kept(BELIEVED_BY_APPS, true)).toEqual(BELIEVED_BY_APPS);
  expect(kept(BELIEVED_BY_APPS, false)).toEqual([]);
});

test("underscores are nobody's spelling", () => {
  const names = BELIEVED_BY_APPS.flatMap((name) => [name.replace("-", "_"), name.replace(/-(\w+)$/, "_$1")]);
  expect(kept(names, true)).toEqual([]);
});

test("what a believed proxy names in Connection stays dropped", () => {
  const bytes = Buffer.from(
    "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Port: 1\r\nConnection: x-forwarded-port\r\n\r\n",
  );
  const head = new RequestHead();
  parseRequestHead(bytes, 0, bytes.length, head, {
    headBytesMax: 4096,
    targetBytesMax: 256,
    fieldsMax: 100,
  });
  head.fields.believe();
  expect(head.fields.drops).toBe(2);
});

test("other fields go on", () => {
  expect(kept(OTHERS, false)).toEqual(OTHERS);
});
