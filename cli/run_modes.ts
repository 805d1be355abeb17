import { SourceWatch } from "../daemon/sdk/source_watch.ts";
import { loadConfig } from "../shared/config/load.ts";
import type { Config } from "../shared/config/schema.ts";
import type { Mode } from "../shared/process/mode.ts";
import { PidFile } from "../shared/process/pid_file.ts";
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
  const pidFile = new PidFile(pidFileOf(modes, site.config));
  let known = site.config;
  const watch = site.config.serve.watch && (name === "serve" || name === "up");
  const reload = async () => {
    const { config } = await loadConfig(site.configFile);
    adjust(config);
    known = config;
    await (watch ? reloadTogether(modes, config) : reloadAll(modes, config));
    pidFile.move(pidFileOf(modes, config));
  };
  const entries = () => [
    known.serve.app,
    known.worker.handlers,
    ...(site.configFile ? [site.configFile] : []),
  ];
  const supervision = {
    modes,
    places,
    version: VERSION,
    legacy: site.legacy,
    pidFile,
    reload,
    configFile: site.configFile,
  };
  return supervise(
    watch ? { ...supervision, watch: (onSave) => watchSources(entries, onSave) } : supervision,
  );
}

/** The app server's, whoever runs it. */
function pidFileOf(modes: readonly Mode[], { serve }: Config): string {
  return modes.some(({ name }) => name === "serve") ? serve.pid_file : "";
}

/** Of --watch, for the modes that run an app. */
export function watchAsked({ flags }: Invocation, config: Config): void {
  if (flags.has("--watch")) config.serve.watch = true;
}

function watchSources(entries: () => string[], onSave: () => Promise<void>): () => void {
  const sources = new SourceWatch(entries, onSave);
  sources.start();
  return () => sources.stop();
}

/** What is watched shall be there soon, and where the code is wrong everybody shall say so. */
async function reloadTogether(modes: readonly Mode[], config: Config): Promise<void> {
  const results = await Promise.allSettled(modes.map((mode) => mode.reload?.(config)));
  for (const result of results) if (result.status === "rejected") throw result.reason;
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
