import type { StoreAddress } from "../store_address.ts";
import type { JobStore } from "./job_store.ts";

/** The jobs of a store. Nothing is reached before the first call; a SQLite address without a socket is opened in this process. */
export function openJobStore(address: StoreAddress): JobStore {
  // Each is loaded only where it is used: the Redis client alone takes a third of the start of a process.
  if (address.kind === "redis") {
    const { RedisJobStore } = require("./redis.ts") as typeof import("./redis.ts");
    return new RedisJobStore(address.url, address.prefix);
  }
  if (address.socket) {
    const { SocketJobStore } = require("./socket.ts") as typeof import("./socket.ts");
    return new SocketJobStore(address.socket);
  }
  const { SqliteJobStore } = require("./sqlite.ts") as typeof import("./sqlite.ts");
  return new SqliteJobStore(address.path);
}
