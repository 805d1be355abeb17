import { lookup } from "node:dns/promises";
import type { LineMap } from "../shared/config/line_map.ts";
import type { Config } from "../shared/config/schema.ts";
import type { Shown } from "../shared/config/written.ts";
import { nameIn } from "../shared/process/server_name.ts";

const LOOKUPS_MS = 3000;

interface Named {
  line: number;
  /** As a sentence may show it. */
  address: string;
  name: string;
}

/**
 * A sentence for each server whose DNS name is not found from here, as "line: …". It may be found where the config is
 * used, so it is no fault. After three seconds nothing more is waited for.
 */
export async function unresolvedNames(config: Config, lines: LineMap, shown: Shown): Promise<string[]> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve("no answer"), LOOKUPS_MS);
  const found = await Promise.all(
    namedServers(config, lines, shown).map(async ({ line, address, name }) => {
      const failure = await Promise.race([failureOf(name), late.promise]);
      return failure ? [`${line}: the name of server ${address} can't be resolved here: ${failure}`] : [];
    }),
  );
  clearTimeout(timer);
  return found.flat();
}

function namedServers({ backend }: Config, lines: LineMap, shown: Shown): Named[] {
  return Object.entries(backend).flatMap(([group, { servers }]) =>
    servers.flatMap((server, i) => {
      const address = typeof server === "string" ? server : server.address;
      const path = ["backend", group, "servers", i, ...(typeof server === "string" ? [] : ["address"])];
      const found = address === "serve:" ? undefined : nameIn(address);
      return found ? [{ line: lines.lineOf(path), address: shown(path, address), name: found.name }] : [];
    }),
  );
}

/** "" when it is found. */
async function failureOf(name: string): Promise<string> {
  try {
    await lookup(name);
    return "";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}
