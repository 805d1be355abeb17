import { resolve } from "node:path";
import { workerMode } from "../daemon/worker/main.ts";
import type { Config } from "../shared/config/schema.ts";
import { outboxMode } from "../shared/outbox/main.ts";
import { startFolder } from "../shared/process/start_folder.ts";
import { storeAddress, storeMode } from "../shared/store/main.ts";
import type { Runner } from "./command.ts";
import { runModes } from "./run_modes.ts";
import { openSite } from "./site.ts";

export const worker: Runner = {
  async run(invocation) {
    const site = await openSite(invocation, "worker");
    const [handlers] = invocation.operands;
    const adjust = (config: Config) => {
      if (handlers) config.worker.handlers = resolve(startFolder, handlers);
    };
    adjust(site.config);
    const store = storeMode(site);
    const address = storeAddress(site);
    const modes = [store, outboxMode(site, address), workerMode(site, address)];
    return runModes(
      "worker",
      site,
      modes.flatMap((mode) => mode ?? []),
      invocation,
      adjust,
    );
  },
};
