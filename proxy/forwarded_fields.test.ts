import { expect, test } from "bun:test";
import { AddressSet } from "./address_set.ts";
import { clientOf, readClaims, trustedForwarded, writeForwarded } from "./forwarded_fields.ts";
import { FieldTable, scanFields } from "./http/field_table.ts";
import { octets } from "./http/octets.ts";
import { parseRequestHead, RequestHead } from "./http/request_head.ts";
import { Peers } from "./peer.ts";
import { RequestIds } from "./request_id.ts";

const trusted = new AddressSet(["10.0.0.0/8", "fd00::/8"]);
const OURS = { id: "our-id", traceparent: "our-trace" };

test.each([
  [null, "10.0.0.1"],
  ["", "unknown"],
  ["1.1.1.1", "1.1.1.1"],
  ["1.1.1.1, 2.2.2.2", "2.2.2.2"],
  ["1.1.1.1, 2.2.2.2 , 10.0.0.2", "2.2.2.2"],
  ["10.0.0.3, 10.0.0.2", "10.0.0.3"],
  ["1.1.1.1, unknown, 10.0.0.2", "unknown"],
  ["unknown, 1.1.1.1", "1.1.1.1"],
  ["1.1.1.1:8080", "1.1.1.1"],
  ["1.1.1.1:8080, 10.0.0.2:8080", "1.1.1.1"],
  ["2001:db8::1, fd00::2", "2001:db8::1"],
  [",,", "unknown"],
])("behind a trusted proxy, X-Forwarded-For %j is of %s", (chain, client) => {
  expect(clientOf("10.0.0.1", chain, trusted)).toBe(client);
});

test("claims are joined over fields of one name, whatever their case", () => {
  const bytes = octets(
    "X-Forwarded-For: a\r\nx-forwarded-proto: https\r\nX-FORWARDED-FOR: b, c\r\nX-Forwarded-Prefix: /p\r\ntraceparent: t\r\n\r\n",
  );
  const table = new FieldTable();
  scanFields(bytes, 0, bytes.length, table, 100);
  expect(readClaims(bytes, table)).toEqual({
    forwardedFor: "a, b, c",
    proto: "https",
    host: "",
    prefix: "/p",
    requestId: "",
    traceparent: "t",
    tracestate: "",
  });
});

test.each([
  ["in one field", [8192], true],
  ["in one field too long", [8193], false],
  ["over several", [4095, 4095], true],
  ["over several too long", [4096, 4095], false],
])("claims have 8 KiB, the commas between fields counted: %s", (_, lengths, readable) => {
  const bytes = octets(
    `${lengths.map((length) => `X-Forwarded-Host: ${"a".repeat(length)}\r\n`).join("")}\r\n`,
  );
  const table = new FieldTable();
  scanFields(bytes, 0, bytes.length, table, 100);
  expect(readClaims(bytes, table) !== null).toBe(readable);
});

test("what is claimed is kept, what is not is made", () => {
  const peer = new Peers(trusted).of({ key: 0x0a000001, text: "10.0.0.1" });
  const none = {
    forwardedFor: null,
    proto: "",
    host: "",
    prefix: "",
    requestId: "",
    traceparent: "",
    tracestate: "x",
  };
  expect(trustedForwarded(peer, none, "a.test", OURS, "10.0.0.1", "").split("\r\n")).toEqual([
    "X-Forwarded-For: 10.0.0.1",
    "X-Real-IP: 10.0.0.1",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Host: a.test",
    "X-Request-ID: our-id",
    "traceparent: our-trace",
    "",
  ]);
  const all = {
    forwardedFor: "1.1.1.1",
    proto: "https",
    host: "b.test",
    prefix: "/outer/",
    requestId: "id",
    traceparent: "t",
    tracestate: "s",
  };
  expect(trustedForwarded(peer, all, "a.test", OURS, "1.1.1.1", "/api").split("\r\n")).toEqual([
    "X-Forwarded-For: 1.1.1.1, 10.0.0.1",
    "X-Real-IP: 1.1.1.1",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: b.test",
    "X-Forwarded-Prefix: /outer/api",
    "X-Request-ID: id",
    "traceparent: t",
    "tracestate: s",
    "",
  ]);
});

test("a client that nobody vouches for is told of as we see it", () => {
  const peer = new Peers(trusted).of({ key: 0xc0000207, text: "192.0.2.7" });
  const bytes = octets("GET / HTTP/1.1\r\nHost: a.test:81\r\n\r\n");
  const head = new RequestHead();
  parseRequestHead(bytes, 0, bytes.length, head, { headBytesMax: 999, targetBytesMax: 99, fieldsMax: 9 });
  const ids = new RequestIds();
  const id = ids.next();
  const out = Buffer.alloc(512);
  const text = out.toString("latin1", 4, writeForwarded(peer, head, bytes, ids, id, out, 4));
  expect(text.split("\r\n")).toEqual([
    "X-Forwarded-For: 192.0.2.7",
    "X-Real-IP: 192.0.2.7",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Host: a.test:81",
    `X-Request-ID: ${ids.text(id)}`,
    `traceparent: ${ids.traceparent(id)}`,
    "",
  ]);
});
