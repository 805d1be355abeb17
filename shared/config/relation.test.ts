import { expect, test } from "bun:test";
import { relationProblems } from "./relation.ts";

const said = (config: Record<string, unknown>) =>
  relationProblems(config).map(({ path, sentence }) => `${path.join(".")}: ${sentence}`);

test("a route's backend must be there, or be serve:", () => {
  const backend = { app: {}, api: {} };
  expect(said({ backend, proxy: { route: [{ backend: "app" }, { host: "a", backend: "serve:" }] } })).toEqual(
    [],
  );
  expect(said({ backend, proxy: { route: [{ backend: "ap" }] } })).toEqual([
    'proxy.route.0.backend: there is no backend "ap"; did you mean "app"?',
  ]);
  expect(said({ proxy: { route: [{ backend: "images" }] } })).toEqual([
    'proxy.route.0.backend: there is no backend "images"; add a [backend.images] with servers',
  ]);
});

test.each([
  ["127.0.0.1:80", "localhost:80"],
  [":80", "0.0.0.0:80"],
  ["[::1]:80", "[::1]:080"],
])("listening on %s and %s is a conflict", (first, second) => {
  const listen = [{ address: first }, { address: second }];
  expect(said({ proxy: { listen } })).toHaveLength(1);
  expect(said({ serve: { listen: [first, second] } })).toHaveLength(1);
});

test("port 0 is a new port each time; the same port on other addresses is no conflict", () => {
  expect(said({ proxy: { listen: [{ address: ":0" }, { address: ":0" }] } })).toEqual([]);
  expect(said({ serve: { listen: ["127.0.0.1:80", "127.0.0.2:80"] } })).toEqual([]);
});

test("a rate over no time at all, or over more than stores count with", () => {
  const per = (text: unknown) =>
    said({ worker: { queues: [{ name: "a" }, { name: "b", rate: { jobs: 1, per: text } }] } });
  expect([undefined, "1ms", "30d", "soon", 0].flatMap(per)).toEqual([]);
  for (const text of ["0", "31d"])
    expect(per(text)).toEqual(["worker.queues.1.rate.per: rate.per must be longer than 0 and at most 30d"]);
});

test("a hang timeout shorter than two heartbeats", () => {
  const hang = (text: unknown) => said({ serve: { hang_timeout: text } });
  expect(["0", "2s", "1m", "soon", 1].flatMap(hang)).toEqual([]);
  expect(hang("1500ms")).toEqual([
    "serve.hang_timeout: serve.hang_timeout must be at least 2s, for a child gives a sign of life every second; 0 is never",
  ]);
});

test("a lease that runs out between two signs of life, a fetch that does not wait", () => {
  const worker = (key: string, text: unknown) => said({ worker: { [key]: text } });
  expect([...worker("lease", "1s"), ...worker("block", "100ms"), ...worker("lease", "soon")]).toEqual([]);
  expect(worker("lease", "0")).toEqual(["worker.lease: worker.lease must be at least 1s"]);
  expect(worker("block", "0s")).toEqual(["worker.block: worker.block must be at least 100ms"]);
});

test("a queue or a server named twice", () => {
  expect(said({ worker: { queues: [{ name: "a" }, { name: "a" }] } })).toHaveLength(1);
  expect(said({ backend: { x: { servers: ["a:1", { address: "a:1" }] }, y: { servers: ["a:1"] } } })).toEqual(
    ["backend.x.servers.1.address: the server a:1 is named twice in this backend"],
  );
});

test("values of the wrong kind are left to the shape check", () => {
  expect(said({ proxy: 1, backend: [], serve: { listen: 5 }, worker: { queues: [1] } })).toEqual([]);
  expect(
    said({ proxy: { route: [{ host: 1, backend: 2 }, 3] }, backend: { a: 1, b: { servers: "x" } } }),
  ).toEqual([]);
});

test("the admin HTTP address may not be reached from elsewhere", () => {
  const problems = relationProblems({ admin: { http: "0.0.0.0:9900" } });
  expect(problems.map(({ path }) => path)).toEqual([["admin", "http"]]);
  expect(relationProblems({ admin: { http: "127.0.0.1:9900" } })).toEqual([]);
  expect(relationProblems({ admin: { http: "" } })).toEqual([]);
});

test("keep_alive is no longer than Bun's timer", () => {
  expect(said({ serve: { keep_alive: "5m" } })).toEqual([
    "serve.keep_alive: serve.keep_alive must be at most 4m; 0 is no limit",
  ]);
  for (const keep_alive of ["4m", "0", "long"]) expect(said({ serve: { keep_alive } })).toEqual([]);
});
