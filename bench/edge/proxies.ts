import { startHaproxy, startNginx, startTrivet } from "../rig/peers.ts";
import type { Rig, Running } from "../rig/rig.ts";
import type { Options } from "./options.ts";
import type { Origin } from "./origin.ts";

export const HAPROXY_OVER_TCP = "HAProxy";

/** Where the proxies, and where load and origin run; undefined: nowhere in particular. */
export interface Cores {
  proxy: number | undefined;
  load: number | undefined;
}

/** Each proxy in front of the origin; those that are measured later do nothing meanwhile. */
export async function startProxies(
  rig: Rig,
  origin: Origin,
  cores: Cores,
  { binaries, peers, withLog, idle }: Options,
  unix: boolean,
): Promise<Running[]> {
  const place = { rig, core: cores.proxy };
  const servers = [unix ? `unix:${origin.socket}` : `127.0.0.1:${origin.port}`];
  const named = (name: string) => (unix ? `${name}, unix socket` : name);
  const proxies: Running[] = [];
  for (const [i, binary] of binaries.entries()) {
    const name = i === 0 ? "Trivet" : `Trivet ${i + 1}`;
    proxies.push(await startTrivet(place, named(name), servers, { binary }));
    if (withLog)
      proxies.push(await startTrivet(place, named(`${name}, JSON log`), servers, { binary, log: "json" }));
  }
  if (peers.includes("haproxy"))
    proxies.push(await startHaproxy(place, named(HAPROXY_OVER_TCP), servers, idle + 500));
  if (peers.includes("nginx")) proxies.push(await startNginx(place, named("nginx"), servers, idle + 500));
  return proxies;
}
