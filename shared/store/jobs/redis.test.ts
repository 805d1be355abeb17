import { describe } from "bun:test";
import { RedisServer } from "../../../test/harness/redis_server.ts";
import { conformance } from "./conformance.ts";
import { RedisJobStore } from "./redis.ts";

describe("Redis Streams", () => {
  let redis: RedisServer;
  conformance({
    start: async () => {
      redis = await RedisServer.start();
    },
    stop: () => redis[Symbol.asyncDispose](),
    open: () => new RedisJobStore(redis.url),
    addBroken: async (queue) => {
      await redis.cli("XADD", `trivet:{${queue}}:s`, "*", "garbage", "in");
    },
  });
});
