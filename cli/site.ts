import { configPlace } from "../shared/config/config_place.ts";
import { loadConfig } from "../shared/config/load.ts";
import type { AdminPlaces } from "../shared/process/admin.ts";
import { Legacy } from "../shared/process/legacy.ts";
import { parseAddress } from "../shared/process/listen_socket.ts";
import { BEYOND_LOOPBACK, isLoopback } from "../shared/process/loopback.ts";
import { makeRunDir } from "../shared/process/run_dir.ts";
import type { Site } from "../shared/process/site.ts";
import { UserError } from "../shared/user_error.ts";
import type { Invocation } from "./command.ts";

export type ModeName = "up" | "proxy" | "serve" | "worker";

/** proxy and up answer on admin.http itself, serve on the next port, worker on the one after. */
const HTTP_PORT_OFFSET: Record<ModeName, number> = { up: 0, proxy: 0, serve: 1, worker: 2 };
const PORT_MAX = 65_535;

/** The configuration and the folders of one instance; makes the admin folder. */
export async function openSite({ configFile, name }: Invocation, mode: ModeName): Promise<Site> {
  const legacy = Legacy.take();
  // The one before us may have been started in a folder that is gone.
  const { config, file, dir } = await loadConfig(legacy?.configFile ?? configFile);
  return {
    config,
    configFile: file,
    dir,
    runDir: makeRunDir(config.admin.dir, mode, dir),
    name,
    legacy,
  };
}

/** Where the supervisor of a mode answers. */
export function adminPlaces(site: Site, mode: ModeName, http: string | undefined): AdminPlaces {
  return {
    socket: `${site.runDir}/${socketName(mode, site.name)}`,
    config: configPlace(site.configFile, site.dir),
    hosts: site.config.admin.hosts,
    http: http === undefined ? httpAddress(site.config.admin.http, mode) : checkedHttp(http),
  };
}

/** Of --admin-http; the config's own has been checked. */
function checkedHttp(address: string): string {
  try {
    if (address !== "" && !isLoopback(address)) throw new UserError(`--admin-http ${BEYOND_LOOPBACK}`, 2);
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(`--admin-http: ${error.message}`, 2);
    throw error;
  }
  return address;
}

export function socketName(mode: ModeName, name: string): string {
  return name ? `${mode}-${name}.sock` : `${mode}.sock`;
}

function httpAddress(base: string, mode: ModeName): string {
  if (!base) return "";
  const { host, port } = parseAddress(base);
  // Port 0 is a free one, in every mode.
  const ours = port === 0 ? 0 : port + HTTP_PORT_OFFSET[mode];
  if (ours > PORT_MAX)
    throw new UserError(
      `admin.http: trivet ${mode} answers ${HTTP_PORT_OFFSET[mode]} ports above it, and there is none: use a lower one`,
      2,
    );
  return `${host.includes(":") ? `[${host}]` : host}:${ours}`;
}
