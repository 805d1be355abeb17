import { UserError } from "../shared/user_error.ts";
import { findRunning, type Running } from "./admin_client.ts";
import type { Invocation } from "./command.ts";

/** As the supervisor tells of them. */
export interface ServerView {
  address: string;
  state: string;
  weight: number;
  connectionsMax: number;
  inFlight: number;
  sinceMs?: number;
  last?: { said: string; tookMs: number; atMs: number };
  /** Absent in older binaries. */
  errors?: {
    "5xx": number;
    refused: number;
    timeouts: number;
    broken: number;
    last?: { reason: string; atMs: number };
  };
}

/** Of the last minute. */
export interface TrafficView {
  overS: number;
  requestsPerS: number;
  failuresPerS: number;
  p50Ms?: number;
  p99Ms?: number;
}

export interface BackendView {
  name: string;
  queued: number;
  /** Absent while it has had no request. */
  traffic?: TrafficView;
  servers: ServerView[];
}

/** The edges that run here. Throws a UserError when there is none. */
export async function edges(invocation: Invocation): Promise<Running[]> {
  const running = (await findRunning(invocation)).filter(({ status }) => status.modes["proxy"]);
  if (running.length > 0) return running;
  throw new UserError(
    'no edge runs here with this config: start one with "trivet proxy" or "trivet up", or name the config with -c FILE',
  );
}

export function backendsOf({ status }: Running): BackendView[] {
  return (status.modes["proxy"]?.["backends"] as BackendView[] | undefined) ?? [];
}
