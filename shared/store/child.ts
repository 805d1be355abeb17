/** The store process: the one process of a supervisor that opens the SQLite file. */
import { Metrics } from "../metrics.ts";
import { ParentLink } from "../process/parent_link.ts";
import { SqliteJobStore } from "./jobs/sqlite.ts";
import { StoreServer } from "./store_server.ts";

export interface StoreBoot {
  path: string;
  socket: string;
}

export function runChild(): void {
  let server: StoreServer | undefined;
  new ParentLink<StoreBoot, never, never>("store", new Metrics()).run({
    async boot({ path, socket }) {
      server = new StoreServer(new SqliteJobStore(path));
      server.listen(socket);
    },
    async drain() {
      await server?.close();
    },
  });
}
