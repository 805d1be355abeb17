import type { ProxyConfig } from "../shared/config/schema.ts";

/** The deadlines of one route: those of the edge, and those its backend sets for itself. */
export interface EdgeTimeouts {
  connectMs: number;
  clientMs: number;
  serverMs: number;
  requestHeadMs: number;
  keepAliveMs: number;
  queueMs: number;
  tunnelMs: number;
}

type Settings = ProxyConfig["timeouts"];

/** What a backend may set for itself, as in [backend.NAME.timeouts]. */
export type TimeoutOverrides = { [key in "connect" | "server" | "queue"]?: number | undefined };

export function edgeTimeouts(
  settings: Settings,
  { connect, server, queue }: TimeoutOverrides = {},
): EdgeTimeouts {
  return {
    connectMs: connect ?? settings.connect,
    clientMs: settings.client,
    serverMs: server ?? settings.server,
    requestHeadMs: settings.request_head,
    keepAliveMs: settings.keep_alive,
    queueMs: queue ?? settings.queue,
    tunnelMs: settings.tunnel,
  };
}
