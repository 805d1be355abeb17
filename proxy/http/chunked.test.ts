import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ChunkedBody } from "./chunked.ts";

interface Filtered {
  kept: string;
  state: "open" | "done" | "broken";
  /** What of the bytes was not read. */
  left: number;
  dataBytes: number;
}

function filter(text: string, cuts: readonly number[] = [], bare = false): Filtered {
  const body = new ChunkedBody(bare);
  const edges = [...new Set([0, ...cuts, text.length])].toSorted((a, b) => a - b);
  let kept = "";
  let left = 0;
  for (const [i, from] of edges.slice(0, -1).entries()) {
    const bytes = Buffer.from(text.slice(from, edges[i + 1]), "latin1");
    const after = body.done || body.broken ? 0 : body.filter(bytes, 0, bytes.length);
    if (left === 0 && after > 0) kept += bytes.toString("latin1", 0, body.keptEnd);
    left += bytes.length - after;
  }
  const state = body.broken ? "broken" : body.done ? "done" : "open";
  return { kept, state, left, dataBytes: body.dataBytes };
}

/** A decoder by the letter of RFC 9112 §7.1 with no extension and no trailer; undefined when it refuses or waits. */
function strictlyDecoded(text: string): string | undefined {
  let data = "";
  for (let at = 0; ; ) {
    const line = /^([0-9A-Fa-f]{1,13})\r\n/.exec(text.slice(at, at + 15));
    if (!line) return undefined;
    const size = Number.parseInt(line[1] ?? "", 16);
    at += line[0].length;
    data += text.slice(at, at + size);
    at += size;
    if (text.slice(at, at + 2) !== "\r\n") return undefined;
    at += 2;
    if (size === 0) return at === text.length ? data : undefined;
  }
}

const WHOLE: [text: string, kept: string, data: string][] = [
  ["0\r\n\r\n", "0\r\n\r\n", ""],
  ["5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"],
  ["005;a=b\r\nhello\r\n00;c\r\n\r\n", "005\r\nhello\r\n00\r\n\r\n", "hello"],
  ["5 \t;a\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"],
  ["1\r\na\r\n0\r\nX-T: 1\r\nY:\r\n\r\n", "1\r\na\r\n0\r\n\r\n", "a"],
];

describe.each(WHOLE)("%j", (text, kept, data) => {
  test("is cleaned of extensions and trailers, and ends where it ends", () => {
    expect(filter(`${text}GET`)).toEqual({ kept, state: "done", left: 3, dataBytes: data.length });
  });
  test("is its data when bare", () => {
    expect(filter(text, [], true)).toMatchObject({ kept: data, state: "done" });
  });
  test("needs every byte", () => {
    for (let cut = 0; cut < text.length; cut++) expect(filter(text.slice(0, cut)).state).toBe("open");
  });
});

test.each([
  "\r\n",
  "-1\r\n",
  "+1\r\n",
  "0x1\r\n",
  "g\r\n",
  " 1\r\n",
  "1 \r\n",
  "1\n",
  "1\rx",
  "1\r\nab",
  "1\r\na\n",
  "1\r\na\rx",
  "1;a\n",
  "1;\0\r\n",
  "0\r\n\n",
  "0\r\n\rx",
  "0\r\n :x\r\n",
  "0\r\nX\r\n",
  "0\r\nX: a\n",
  "0\r\nX: \0\r\n",
  "0\r\nX : a\r\n",
  "0\r\nX: a\r\n b\r\n",
  "10000000000000\r\n",
  `${"0".repeat(14)}\r\n`,
  `1;${"a".repeat(5000)}\r\n`,
  `0\r\nX: ${"a".repeat(20_000)}\r\n`,
])("%j breaks it", (text) => {
  expect(filter(text).state).toBe("broken");
});

test("a size of 13 digits is exact", () => {
  expect(filter("000000000000f\r\n0123456789abcde\r\n0\r\n\r\n").dataBytes).toBe(15);
});

const piece = fc.oneof(
  fc.constantFrom(
    "0",
    "1",
    "5",
    "a",
    "F",
    "\r\n",
    "\r",
    "\n",
    ";",
    " ",
    "x=y",
    "\0",
    "hello",
    "\xff",
    ":",
    "X: y\r\n",
  ),
  fc.constantFrom(
    "5\r\nhello\r\n",
    "1;e\r\na\r\n",
    "0\r\n\r\n",
    "0\r\nT: 1\r\n\r\n",
    "b\r\n0\r\n\r\n1\r\na\r\n\r\n",
  ),
);
const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));

test("every split of the bytes gives the same", () => {
  fc.assert(
    fc.property(text, fc.array(fc.nat(60), { maxLength: 6 }), fc.boolean(), (bytes, cuts, bare) => {
      const inside = cuts.filter((cut) => cut < bytes.length);
      expect(filter(bytes, inside, bare)).toEqual(filter(bytes, [], bare));
    }),
    { numRuns: 3000 },
  );
});

test("one byte at a time gives the same as all at once", () => {
  fc.assert(
    fc.property(text, (bytes) => {
      expect(
        filter(
          bytes,
          [...bytes].map((_, i) => i),
        ),
      ).toEqual(filter(bytes));
    }),
    { numRuns: 1000 },
  );
});

test("what is passed on is read by a strict decoder as the same data, and never as whole when it is not", () => {
  fc.assert(
    fc.property(text, (bytes) => {
      const { kept, state } = filter(bytes);
      const decoded = strictlyDecoded(kept);
      if (state === "done") expect(decoded).toBe(filter(bytes, [], true).kept);
      else expect(decoded).toBeUndefined();
    }),
    { numRuns: 3000 },
  );
});
