import type { Rig } from "../rig/rig.ts";
import type { Enqueuer } from "./contender.ts";
import { bareEnqueuer, socketEnqueuer } from "./programs.ts";
import type { BenchRedis } from "./redis.ts";
import { makeSite } from "./trivet.ts";

/** A lone caller who says XADD and nothing else: by Trivet's client library, and over a bare socket. */
export function floors(rig: Rig, redis: BenchRedis): Enqueuer[] {
  const dir = makeSite(rig, "floor", {
    "library.ts": bareEnqueuer(redis.port),
    "socket.ts": socketEnqueuer(redis.port),
  });
  const floor = (name: string, file: string): Enqueuer => ({
    ...{ name, rig, redis, dir },
    enqueueCommand: [process.execPath, file],
  });
  return [floor("bare XADD, ioredis", "library.ts"), floor("bare XADD, a socket", "socket.ts")];
}
