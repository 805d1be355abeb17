import { existsSync } from "node:fs";
import type { Fault } from "./config_error.ts";
import type { LineMap } from "./line_map.ts";
import type { Path } from "./problem.ts";
import type { Config } from "./schema.ts";

/** The user's own files that this config uses and that are not there. */
export function missingUserFiles(config: Config, lines: LineMap): Fault[] {
  const faults: Fault[] = [];
  const need = (path: Path, file: string, what: string) => {
    if (!existsSync(file))
      faults.push({ line: lines.lineOf(path), sentence: `${path.join(".")}: there is no ${what} ${file}` });
  };
  if (lines.has(["serve"]) || usesServe(config)) need(["serve", "app"], config.serve.app, "app");
  if (lines.has(["worker"])) need(["worker", "handlers"], config.worker.handlers, "handlers file");
  return faults.sort((a, b) => a.line - b.line);
}

/** Whether requests go to the app server of the same `trivet up`. */
function usesServe({ proxy, backend }: Config): boolean {
  const servers = Object.values(backend).flatMap((group) => group.servers);
  return (
    proxy.route.some((route) => route.backend === "serve:") ||
    servers.some((server) => (typeof server === "string" ? server : server.address) === "serve:")
  );
}
