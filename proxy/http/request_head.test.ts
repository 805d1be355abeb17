import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readStrictRequest } from "../../test/edge/strict_parser.ts";
import { NO_LENGTH } from "./content_length.ts";
import { copyKeptFields, MORE } from "./field_table.ts";
import { parseRequestHead, RequestHead } from "./request_head.ts";

const LIMITS = { headBytesMax: 2048, targetBytesMax: 256, fieldsMax: 10 };

function parse(text: string, from = 0) {
  const bytes = Buffer.from(text, "latin1");
  const head = new RequestHead();
  const after = parseRequestHead(bytes, from, bytes.length, head, LIMITS);
  const part = (start: number, end: number) => bytes.toString("latin1", start, end);
  return { after, head, bytes, part };
}

/** The head as it would go on, framing fields as the client sent them. */
function kept(text: string): string {
  const { after, head, bytes } = parse(text);
  if (after <= 0) return "";
  const out = Buffer.alloc(bytes.length);
  return out.toString("latin1", 0, copyKeptFields(bytes, head.start, head.fieldsEnd, head.fields, out, 0));
}

test("parts are found, also behind other bytes and empty lines", () => {
  const { after, head, part } = parse("junk\r\n\r\nGET /a?b HTTP/1.1\r\nHost: x:81\r\n\r\nrest", 4);
  expect(part(after, 99)).toBe("rest");
  expect(part(head.start, head.methodEnd)).toBe("GET");
  expect(part(head.targetStart, head.targetEnd)).toBe("/a?b");
  expect(part(head.hostStart, head.hostEnd)).toBe("x:81");
  expect(part(head.hostStart, head.hostNameEnd)).toBe("x");
  expect([head.minor, head.contentLength, head.chunked]).toEqual([1, NO_LENGTH, false]);
});

test.each([
  ["/", false],
  ["/a/b.c/d-e_f~g;h=i", false],
  ["/a..b/c.", false],
  ["/a?b=/./../&c=%2e&d=//\\", false],
  ["/a//b", true],
  ["//", true],
  ["/.", true],
  ["/a/..", true],
  ["/a/.b", true],
  ["/%61", true],
  ["/a%", true],
  ["/a\\b", true],
  // By its scheme: looked at closely, it is not.
  ["http://a.test/a", true],
])("the path of %s may have other spellings: %p", (target, odd) => {
  expect(parse(`GET ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`).head.odd).toBe(odd);
});

test("every byte is needed, and no byte more", () => {
  const text = "\r\nPOST http://a.test/x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n";
  for (let cut = 0; cut < text.length; cut++) expect(parse(text.slice(0, cut)).after).toBe(MORE);
  expect(parse(text).after).toBe(text.length);
  expect(parse(`${text}hello`).after).toBe(text.length);
});

test("a record that is used again forgets the head before", () => {
  const head = new RequestHead();
  const read = (text: string) => parseRequestHead(Buffer.from(text), 0, text.length, head, LIMITS);
  expect(
    read(
      "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\n",
    ),
  ).toBeGreaterThan(0);
  expect(read("GET / HTTP/1.1\r\nHost: b\r\n\r\n")).toBeGreaterThan(0);
  expect(head).toMatchObject({
    minor: 1,
    contentLength: NO_LENGTH,
    keepAlive: false,
    upgrade: false,
    upgradeField: -1,
    connectionField: -1,
  });
});

describe("limits", () => {
  test.each([
    ["a head without an end", `GET / HTTP/1.1\r\nX: ${"a".repeat(3000)}`, -431],
    ["a head that is too large", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(2048)}\r\n\r\n`, -431],
    ["too many fields", `GET / HTTP/1.1\r\nHost: a\r\n${"X: a\r\n".repeat(10)}\r\n`, -431],
    ["a target that is too long", `GET /${"a".repeat(256)} HTTP/1.1\r\nHost: a\r\n\r\n`, -414],
    ["a target without an end", `GET /${"a".repeat(300)}`, -414],
    ["a method without an end", "A".repeat(300), -400],
  ])("%s", (_, text, refusal) => {
    expect(parse(text).after).toBe(refusal);
  });

  test("a head of exactly the limit passes", () => {
    const start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    const text = `${start}${"a".repeat(2048 - start.length - 4)}\r\n\r\n`;
    expect(parse(text).after).toBe(2048);
  });
});

test("a higher minor version is read as 1.1 (RFC 9110 §2.5)", () => {
  for (const version of ["1.2", "1.9"])
    expect(parse(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`).head.minor).toBe(1);
  for (const version of ["1.10", "1.", "1.x", "1.:", "1./", "01.1", "1", "1 .1", "+1.1"])
    expect(parse(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`).after).toBe(-400);
});

test.each(["GET / HTTP/2.0", "PRI * HTTP/2.0", "GET / HTTP/3.0"])(
  "%s is a version that we do not speak",
  (line) => {
    expect(parse(`${line}\r\nHost: a\r\n\r\n`).after).toBe(-505);
  },
);

test("a request that can't be meant is refused as soon as that is known", () => {
  for (const text of ["GET /\n", " GET", "GET  /", "GET /\0", "\0", "GET / HTTQ", "G\x01"])
    expect(parse(text).after).toBe(-400);
});

const word: fc.Arbitrary<string> = fc.constantFrom(
  "GET",
  "POST",
  " ",
  "/",
  "/a",
  "*",
  "http://a.test/",
  "HTTP/1.1",
  "HTTP/1.0",
  "\r\n",
  "\r",
  "\n",
  ":",
  ",",
  "\0",
  "\t",
  "\xe4",
  "Host: a.test\r\n",
  "Host: b.test\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: 6\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Connection: close\r\n",
  "Connection: X-A, Host\r\n",
  "X-A: b\r\n",
  "TE: trailers\r\n",
  "Keep-Alive: 5\r\n",
  "hello",
  "0\r\n\r\n",
);
const mutant = fc
  .tuple(
    fc.constantFrom(
      "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
      "POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello",
      "POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: X-A\r\nX-A: b\r\n\r\n",
    ),
    fc.array(fc.tuple(fc.nat(120), fc.nat(4), word), { minLength: 1, maxLength: 4 }),
  )
  .map(([text, edits]) =>
    edits.reduce<string>((all, [at, drop, put]) => all.slice(0, at) + put + all.slice(at + drop), text),
  );

test("what is passed on of a mutated head is read the same by a strict reader", () => {
  fc.assert(
    fc.property(mutant, (text) => {
      const { after, head, part } = parse(text);
      if (after <= 0 || head.minor === 0) return;
      const [line = "", ...fields] = kept(text).split("\r\n");
      // The sender adds what it has dropped to say anew.
      const target = part(head.pathStart, head.targetEnd) || "/";
      const framing = head.chunked ? "Transfer-Encoding: chunked\r\n" : "";
      const body = head.chunked ? "0\r\n\r\n" : "x".repeat(Math.max(0, head.contentLength));
      const sent = `${line.split(" ")[0]} ${target.startsWith("?") ? "/" : ""}${target} HTTP/1.1\r\n${fields.join("\r\n")}${framing}\r\n${body}`;
      const read = readStrictRequest(Buffer.from(sent, "latin1"));
      expect(read?.length).toBe(sent.length);
      expect(read?.fields.find(([name]) => name === "host")?.[1]).toBe(part(head.hostStart, head.hostEnd));
    }),
    { numRuns: 5000 },
  );
});

test("every split gives the same: more until the end, then the same answer", () => {
  fc.assert(
    fc.property(mutant, fc.nat(150), (text, cut) => {
      const whole = parse(text).after;
      const part = parse(text.slice(0, cut)).after;
      // A part may be refused early, or be whole already; it never says what the whole does not.
      if (part !== MORE) expect(part).toBe(whole);
    }),
    { numRuns: 3000 },
  );
});
