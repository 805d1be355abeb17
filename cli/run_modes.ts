import { loadConfig } from "../shared/config/load.ts";
import type { Config } from "../shared/config/schema.ts";
import type { Mode } from "../shared/process/mode.ts";
import type { Site } from "../shared/process/site.ts";
import { supervise } from "../shared/process/supervisor.ts";
import { UserError } from "../shared/user_error.ts";
import type { Invocation } from "./command.ts";
import { adminPlaces, type ModeName } from "./site.ts";
import { VERSION } from "./version.ts";

/**
 * Runs modes until a signal ends them; the exit code. `adjust` does to a config that a reload has read what the command
 * line did to the first one.
 */
export function runModes(
  name: ModeName,
  site: Site,
  modes: readonly Mode[],
  { flags }: Invocation,
  adjust: (config: Config) => void = () => undefined,
): Promise<number> {
  const http = flags.get("--admin-http");
  const places = adminPlaces(site, name, typeof http === "string" ? http : undefined);
  const reload = async () => {
    const { config } = await loadConfig(site.configFile);
    adjust(config);
    await reloadAll(modes, config);
  };
  return supervise({ modes, places, version: VERSION, legacy: site.legacy, reload });
}

/** One after the other. When one can't, those before it already run the new state, and the sentence says so. */
async function reloadAll(modes: readonly Mode[], config: Config): Promise<void> {
  const done: string[] = [];
  for (const mode of modes) {
    try {
      await mode.reload?.(config);
    } catch (error) {
      if (!(error instanceof UserError) || done.length === 0) throw error;
      throw new UserError(`${error.message} (${done.join(" and ")} has the new state already)`);
    }
    if (mode.reload) done.push(mode.name);
  }
}
