import { expect, test } from "bun:test";
import { readStoreRequest } from "./store_request.ts";

const call = (fields: unknown) => ({ kind: "call", number: 1, call: fields });

test.each<object>([
  { kind: "hello", client: "a" },
  { kind: "abort", number: 1 },
  call({ op: "queues" }),
  call({ op: "get", id: "x", queue: null }),
  call({ op: "claim", queue: "q", owner: "o", max: 1, waitMs: 0, alone: false }),
  call({ op: "renew", queues: ["q"], owners: [], leaseMs: 1 }),
  call({ op: "enqueue", jobs: [{}], token: {} }),
])("a request is read as it is: %j", (request) => {
  expect(readStoreRequest(request) as unknown).toEqual(request);
});

const NONE: unknown[] = [
  null,
  5,
  [],
  {},
  { kind: "hello" },
  { kind: "hello", client: "x".repeat(5000) },
  { kind: "abort" },
  { kind: "abort", number: "1" },
  { kind: "call", number: 1 },
  { kind: "call", call: { op: "queues" } },
  { kind: "own", number: 1, call: { op: "queues" } },
  call(null),
  call([]),
  call({}),
  call({ op: "constructor" }),
  call({ op: ["queues"] }),
  call({ op: "claim", queue: "q" }),
  call({ op: "claim", queue: "q", owner: "o", max: "1", waitMs: 0, alone: false }),
  call({ op: "claim", queue: "q", owner: "o", max: 1, waitMs: null, alone: false }),
  call({ op: "rules", queue: {} }),
  call({ op: "kill", queue: "q", ids: "x" }),
  call({ op: "kill", queue: "q", ids: [1] }),
  call({ op: "enqueue", jobs: [null], token: {} }),
  call({ op: "enqueue", jobs: [], token: null }),
  call({ op: "dead", queue: "q", max: 1 }),
];

test.each(NONE.map((value) => ({ value })))("what is no request is none: %j", ({ value }) => {
  expect(readStoreRequest(value)).toBeUndefined();
});
