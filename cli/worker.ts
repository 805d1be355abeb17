import { resolve } from "node:path";
import { workerMode } from "../daemon/worker/main.ts";
import { supervise } from "../shared/process/supervisor.ts";
import { storeAddress, storeMode } from "../shared/store/main.ts";
import type { Command } from "./command.ts";
import { adminPlaces, openSite } from "./site.ts";
import { VERSION } from "./version.ts";

export const worker: Command = {
  name: "worker",
  usage: "trivet worker [jobs.ts]",
  summary: "run background jobs",
  flags: { "--admin-http": true },
  async run(invocation) {
    const site = await openSite(invocation);
    const [handlers] = invocation.operands;
    if (handlers) site.config.worker.handlers = resolve(handlers);
    const http = invocation.flags.get("--admin-http");
    const store = storeMode(site);
    const mode = workerMode(site, storeAddress(site));
    const places = adminPlaces(site, "worker", typeof http === "string" ? http : undefined);
    return supervise(store ? [store, mode] : [mode], places, VERSION);
  },
};
