import { expect, test } from "bun:test";

import { redisError } from "./redis_connection.ts";

test("a replica that refuses a write: only who named it in store.url is told to change that", () => {
  const refusal = new Error("READONLY You can't write against a read only replica.");
  expect(redisError("redis://h:1", refusal).message).toBe(
    "Redis at h:1: it is a replica and refuses writes: set store.url to the primary",
  );
  expect(redisError("redis+sentinel://a,b/main", refusal).message).toBe(
    "Redis at a:26379,b:26379/main: the primary has become a replica: the new one is looked for",
  );
});
