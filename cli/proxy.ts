import { proxyMode } from "../proxy/main.ts";
import { UserError } from "../shared/user_error.ts";
import type { Runner } from "./command.ts";
import { runModes } from "./run_modes.ts";
import { openSite } from "./site.ts";

export const proxy: Runner = {
  async run(invocation) {
    const site = await openSite(invocation, "proxy");
    const mode = proxyMode(site);
    if (mode.needsServe) {
      throw new UserError(
        '"serve:" is the app server of the same "trivet up": give the routes of this edge a [backend.NAME] with servers',
        2,
      );
    }
    return runModes("proxy", site, [mode], invocation);
  },
};
