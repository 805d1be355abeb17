import { SMALL } from "../rig/request.ts";
import type { Work } from "../rig/rounds.ts";
import type { ServerName } from "./servers.ts";

/** One kind of work at saturation, and who does it. */
export interface ServeCase extends Work {
  name: string;
  servers: readonly ServerName[];
  /** The one that ratios are to. */
  measure: ServerName;
}

/**
 * Starman answers as many connections as it has workers and leaves the others waiting, so its case has no more of them;
 * before it, the proxies see to that.
 */
export const SERVE_CASES: readonly ServeCase[] = [
  {
    name: "fetch",
    title: "a plain fetch app",
    request: SMALL,
    connections: 64,
    servers: ["trivet serve", "Bun.serve"],
    measure: "Bun.serve",
  },
  {
    name: "elysia",
    title: "an Elysia app",
    request: SMALL,
    connections: 64,
    servers: ["trivet serve, Elysia", "Elysia"],
    measure: "Elysia",
  },
  {
    name: "node",
    title: "hello, 64 connections",
    request: SMALL,
    connections: 64,
    servers: ["trivet serve", "node:http cluster", "PM2 cluster"],
    measure: "node:http cluster",
  },
  {
    name: "starman",
    title: "hello, 4 connections",
    request: SMALL,
    connections: 4,
    servers: ["trivet serve", "Starman"],
    measure: "Starman",
  },
  {
    name: "site",
    title: "edge and app server",
    request: SMALL,
    connections: 64,
    servers: ["trivet up", "nginx + Starman", "HAProxy + Starman", "HAProxy + Bun.serve"],
    measure: "HAProxy + Starman",
  },
];

/** Beside the cases: other questions, asked by other means. */
export const OTHER_CASES = ["memory", "start"] as const;
