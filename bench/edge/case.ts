import { FILE, FORM, PAGE, SMALL } from "../rig/request.ts";
import type { Work } from "../rig/rounds.ts";

/** One kind of work at saturation, and what the proxies need for it. */
export interface EdgeCase extends Work {
  name: string;
  /** The proxies reach the origin over a unix socket; HAProxy over TCP stays the measure. */
  unix?: boolean;
}

export const EDGE_CASES: readonly EdgeCase[] = [
  { name: "get36", title: "GET 36 B", request: SMALL, connections: 64 },
  { name: "get10k", title: "GET 10 KiB", request: PAGE, connections: 64 },
  { name: "get1m", title: "GET 1 MiB", request: FILE, connections: 64 },
  { name: "post10k", title: "POST 10 KiB", request: FORM, connections: 64 },
  {
    name: "close",
    title: "GET 36 B, a connection a request",
    request: SMALL,
    connections: 64,
    closing: true,
  },
  {
    name: "unix",
    title: "GET 36 B, the server on a unix socket",
    request: SMALL,
    connections: 64,
    unix: true,
  },
];

/** Beside the cases: other questions, asked by other means. */
export const OTHER_CASES = ["offered", "idle"] as const;
