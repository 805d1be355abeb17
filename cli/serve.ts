import { resolve } from "node:path";
import { serveMode } from "../daemon/serve/main.ts";
import type { Config } from "../shared/config/schema.ts";
import { startFolder } from "../shared/process/start_folder.ts";
import { storeAddress, storeMode } from "../shared/store/main.ts";
import type { Runner } from "./command.ts";
import { runModes, watchAsked } from "./run_modes.ts";
import { openSite } from "./site.ts";

export const serve: Runner = {
  async run(invocation) {
    const site = await openSite(invocation, "serve");
    const [app] = invocation.operands;
    const adjust = (config: Config) => {
      if (app) config.serve.app = resolve(startFolder, app);
      watchAsked(invocation, config);
    };
    adjust(site.config);
    const store = storeMode(site);
    const mode = serveMode(site, storeAddress(site), () => undefined);
    return runModes("serve", site, store ? [store, mode] : [mode], invocation, adjust);
  },
};
