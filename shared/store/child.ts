/** The store process: the one process of a supervisor that opens the SQLite file. */
import { chownSync } from "node:fs";
import { log } from "../log.ts";
import { Metrics } from "../metrics.ts";
import { ParentLink } from "../process/parent_link.ts";
import { SqliteJobStore } from "./jobs/sqlite.ts";
import type { StoreNotice } from "./store_notice.ts";
import { StoreServer } from "./store_server.ts";

const LOOK_EVERY_MS = 1_000;

export interface StoreBoot {
  path: string;
  socket: string;
  /** Who else may connect; undefined: only our own user and group. */
  owner: { uid: number; gid: number } | undefined;
}

/** Says in the log, and to whom it may concern, that jobs can't be stored, and when they can again. */
function watchTrouble(store: SqliteJobStore, tell: (trouble: string | undefined) => void): void {
  let told: string | undefined;
  let looking = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    const trouble = await store.trouble();
    looking = false;
    if (trouble === told) return;
    if (trouble === undefined) log.info("jobs are stored again");
    else log.error(`jobs can't be stored: ${trouble}`);
    told = trouble;
    tell(trouble);
  };
  // trouble() never rejects: what it meets is what it answers.
  setInterval(() => void look(), LOOK_EVERY_MS);
}

export function runChild(): void {
  let server: StoreServer | undefined;
  const link = new ParentLink<StoreBoot, never, StoreNotice>("store", new Metrics());
  link.run({
    async boot({ path, socket, owner }) {
      const store = new SqliteJobStore(path);
      server = new StoreServer(store);
      watchTrouble(store, (trouble) => link.tell({ trouble: trouble ?? null }));
      server.listen(socket);
      if (owner) chownSync(socket, owner.uid, owner.gid);
    },
    async drain() {
      await server?.close();
    },
  });
}
