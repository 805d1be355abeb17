import { resolve } from "node:path";
import { serveMode } from "../daemon/serve/main.ts";
import { supervise } from "../shared/process/supervisor.ts";
import { storeAddress, storeMode } from "../shared/store/main.ts";
import type { Command } from "./command.ts";
import { adminPlaces, openSite } from "./site.ts";
import { VERSION } from "./version.ts";

export const serve: Command = {
  name: "serve",
  usage: "trivet serve [app.ts]",
  summary: "run the app in several processes on one port",
  flags: { "--admin-http": true },
  async run(invocation) {
    const site = await openSite(invocation);
    const [app] = invocation.operands;
    if (app) site.config.serve.app = resolve(app);
    const http = invocation.flags.get("--admin-http");
    const store = storeMode(site);
    const mode = serveMode(site, storeAddress(site), () => undefined);
    const places = adminPlaces(site, "serve", typeof http === "string" ? http : undefined);
    return supervise(store ? [store, mode] : [mode], places, VERSION);
  },
};
