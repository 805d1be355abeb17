import type { StoreAddress } from "../store_address.ts";
import type { JobStore } from "./job_store.ts";
import { RedisJobStore } from "./redis.ts";
import { SocketJobStore } from "./socket.ts";
import { SqliteJobStore } from "./sqlite.ts";

/** The jobs of a store. Nothing is reached before the first call; a SQLite address without a socket is opened in this process. */
export function openJobStore(address: StoreAddress): JobStore {
  if (address.kind === "redis") return new RedisJobStore(address.url);
  return address.socket ? new SocketJobStore(address.socket) : new SqliteJobStore(address.path);
}
