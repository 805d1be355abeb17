/** The store process: the one process of a supervisor that opens the SQLite file. */
import { chownSync } from "node:fs";
import { Metrics } from "../metrics.ts";
import { ParentLink } from "../process/parent_link.ts";
import { SqliteJobStore } from "./jobs/sqlite.ts";
import { StoreServer } from "./store_server.ts";

export interface StoreBoot {
  path: string;
  socket: string;
  /** Who else may connect; undefined: only our own user and group. */
  owner: { uid: number; gid: number } | undefined;
}

export function runChild(): void {
  let server: StoreServer | undefined;
  new ParentLink<StoreBoot, never, never>("store", new Metrics()).run({
    async boot({ path, socket, owner }) {
      server = new StoreServer(new SqliteJobStore(path));
      server.listen(socket);
      if (owner) chownSync(socket, owner.uid, owner.gid);
    },
    async drain() {
      await server?.close();
    },
  });
}
