import { loadConfig } from "../shared/config/load.ts";
import type { Config } from "../shared/config/schema.ts";
import type { Mode } from "../shared/process/mode.ts";
import type { Site } from "../shared/process/site.ts";
import { supervise } from "../shared/process/supervisor.ts";
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
    for (const mode of modes) await mode.reload?.(config);
  };
  return supervise({ modes, places, version: VERSION, legacy: site.legacy, reload });
}
