import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { EchoOrigin } from "./echo_origin.ts";
import { EdgeSite } from "./edge_site.ts";

const FORGED = [
  "X-Forwarded-For: 6.6.6.6",
  "X-Forwarded-Proto: https",
  "X-Forwarded-Host: forged.test",
  "X-Real-IP: 6.6.6.6",
  "X-Request-ID: forged",
  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
];
/** What apps believe too (Rack, Plack, Django, oauth2-proxy), though the edge does not say it. */
const FORGED_BESIDE = [
  "X-Forwarded-Port: 443",
  "X-Forwarded-Ssl: on",
  "X-Forwarded-Scheme: https",
  "X-Forwarded-Server: forged.test",
  "X-Forwarded-User: root",
  "X-Forwarded-Client_Cert: forged",
];
const NAMES = [
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-real-ip",
  "x-request-id",
  "traceparent",
];

const underscored = (line: string) => line.replace(/^[^:]*/, (name) => name.replaceAll("-", "_"));

const origin = new EchoOrigin();
let strict: EdgeSite;
let trusting: EdgeSite;

beforeAll(async () => {
  strict = await EdgeSite.start({ servers: [origin.address] });
  trusting = await EdgeSite.start({
    servers: [origin.address],
    proxy: 'trusted_proxies = ["127.0.0.0/8", "10.0.0.0/8"]',
  });
});

afterAll(async () => {
  await strict[Symbol.asyncDispose]();
  await trusting[Symbol.asyncDispose]();
  origin[Symbol.dispose]();
});

async function asked(edge: EdgeSite, fields: readonly string[] = []): Promise<Map<string, string[]>> {
  expect((await edge.get("/", "a.test:80", fields.map((line) => `${line}\r\n`).join(""))).status).toBe(200);
  return origin.lastFields();
}

describe.each([
  ["nothing claimed", []],
  ["everything forged", FORGED],
  ["forged twice and in other case", [...FORGED, ...FORGED.map((line) => line.toUpperCase())]],
  ["forged with underscores, which CGI and PSGI can't tell from hyphens", FORGED.map(underscored)],
  ["forged and named by Connection", [...FORGED, `Connection: ${NAMES.join(", ")}`]],
])("a client that nobody vouches for, %s", (_, fields) => {
  test("is told of as the edge sees it", async () => {
    const got = await asked(strict, fields);
    expect(got.get("x-forwarded-for")).toEqual(["127.0.0.1"]);
    expect(got.get("x-real-ip")).toEqual(["127.0.0.1"]);
    expect([...got.keys()].filter((name) => name.includes("_"))).toEqual([]);
    expect(got.get("x-forwarded-proto")).toEqual(["http"]);
    expect(got.get("x-forwarded-host")).toEqual(["a.test:80"]);
    expect(got.get("x-request-id")?.join()).toMatch(/^[0-9a-f-]{16,64}$/);
    expect(got.get("traceparent")?.join()).toMatch(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]$/);
    expect(got.get("x-request-id")).not.toContain("forged");
    expect(got.get("traceparent")?.join()).not.toContain("0af7651916cd43dd8448eb211c80319c");
  });
});

test.each([
  ["as they are written", FORGED_BESIDE],
  ["in other case", FORGED_BESIDE.map((line) => line.toLowerCase())],
  ["with underscores", FORGED_BESIDE.map(underscored)],
])("no other X-Forwarded field of a stranger reaches a server, %s", async (_, fields) => {
  const got = await asked(strict, ["X-Forward: 1", "X-Forwarded: 2", ...fields, "X_Keep: 3"]);
  const known = new Set(NAMES);
  expect([...got.keys()].filter((name) => /^x[-_]/.test(name) && !known.has(name))).toEqual([
    "x-forward",
    "x-forwarded",
    "x_keep",
  ]);
});

test("every request has an id of its own, the log has it too", async () => {
  const ids = new Set<string>();
  for (let i = 0; i < 20; i++) ids.add((await asked(strict)).get("x-request-id")?.join() ?? "");
  expect(ids.size).toBe(20);
  await strict.trivet.stop();
  const logged = new Set(strict.lines().map(({ id }) => id));
  for (const id of ids) expect(logged).toContain(id);
  strict = await EdgeSite.start({ servers: [origin.address] });
});

test("what a trusted proxy says is kept", async () => {
  const got = await asked(trusting, FORGED);
  expect(got.get("x-forwarded-for")).toEqual(["6.6.6.6, 127.0.0.1"]);
  expect(got.get("x-real-ip")).toEqual(["6.6.6.6"]);
  expect(got.get("x-forwarded-proto")).toEqual(["https"]);
  expect(got.get("x-forwarded-host")).toEqual(["forged.test"]);
  expect(got.get("x-request-id")).toEqual(["forged"]);
  expect(got.get("traceparent")).toEqual(["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]);
});

test("a trusted proxy's other X-Forwarded fields are kept, but for those of a spelling that it does not use", async () => {
  const got = await asked(trusting, [...FORGED_BESIDE, ...FORGED_BESIDE.map(underscored)]);
  expect(got.get("x-forwarded-port")).toEqual(["443"]);
  expect(got.get("x-forwarded-ssl")).toEqual(["on"]);
  expect(got.get("x-forwarded-scheme")).toEqual(["https"]);
  expect(got.get("x-forwarded-server")).toEqual(["forged.test"]);
  expect(got.get("x-forwarded-user")).toEqual(["root"]);
  expect([...got.keys()].filter((name) => name.includes("_"))).toEqual([]);
  const named = await asked(trusting, [...FORGED_BESIDE, "Connection: X-Forwarded-Ssl"]);
  expect([named.get("x-forwarded-port"), named.get("x-forwarded-ssl")]).toEqual([["443"], undefined]);
});

test.each([
  [["X-Forwarded-For: 1.1.1.1, 2.2.2.2"], "2.2.2.2"],
  [["X-Forwarded-For: 1.1.1.1, 2.2.2.2, 10.0.0.1"], "2.2.2.2"],
  [["X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2,10.0.0.1"], "2.2.2.2"],
  [["X-Forwarded-For: 10.0.0.2, 10.0.0.1"], "10.0.0.2"],
  [["X-Forwarded-For: 1.1.1.1, nonsense, 10.0.0.1"], "unknown"],
  [["X-Forwarded-For: nonsense"], "unknown"],
  [["X-Forwarded-For: 2001:db8::1"], "2001:db8::1"],
  [[], "127.0.0.1"],
])(
  "a chain is read from the right, up to the first address that is not trusted: %j",
  async (fields, client) => {
    const got = await asked(trusting, fields);
    expect(got.get("x-real-ip")).toEqual([client]);
    expect(got.get("x-forwarded-for")).toHaveLength(1);
    expect(got.get("x-forwarded-for")?.join()).toEndWith("127.0.0.1");
  },
);
