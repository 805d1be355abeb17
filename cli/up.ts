import { existsSync } from "node:fs";
import { serveMode } from "../daemon/serve/main.ts";
import { workerMode } from "../daemon/worker/main.ts";
import { proxyMode } from "../proxy/main.ts";
import type { Config } from "../shared/config/schema.ts";
import { outboxMode } from "../shared/outbox/main.ts";
import type { Mode } from "../shared/process/mode.ts";
import type { Site } from "../shared/process/site.ts";
import { storeAddress, storeMode } from "../shared/store/main.ts";
import { UserError } from "../shared/user_error.ts";
import type { Runner } from "./command.ts";
import { runModes, watchAsked } from "./run_modes.ts";
import { openSite } from "./site.ts";

export const up: Runner = {
  async run(invocation) {
    const site = await openSite(invocation, "up");
    const adjust = (config: Config) => watchAsked(invocation, config);
    adjust(site.config);
    return runModes("up", site, modesOf(site), invocation, adjust);
  },
};

/** The edge always; the app and the workers when their file is there. Stores start first, the edge last. */
function modesOf(site: Site): Mode[] {
  const proxy = proxyMode(site);
  const modes: Mode[] = [];
  const hasApp = existsSync(site.config.serve.app);
  const hasHandlers = existsSync(site.config.worker.handlers);
  if (!hasApp && proxy.needsServe) {
    throw new UserError(
      `no app at ${site.config.serve.app}: write one ("trivet init" makes an example) or route to a backend`,
    );
  }
  const store = hasApp || hasHandlers ? storeMode(site) : undefined;
  if (store) modes.push(store);
  const outbox = hasHandlers ? outboxMode(site, storeAddress(site)) : undefined;
  if (outbox) modes.push(outbox);
  if (hasHandlers) modes.push(workerMode(site, storeAddress(site)));
  if (hasApp) modes.push(serveMode(site, storeAddress(site), (sockets) => proxy.setServeSockets(sockets)));
  return [...modes, proxy];
}
