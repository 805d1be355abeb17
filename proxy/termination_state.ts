import type { Ending } from "./exchange_state.ts";

/** How far an exchange has come: whom or what it waits for. */
export type Stage = "request" | "queue" | "connect" | "head" | "data" | "last";

/** What is known of an exchange that tells its stage. */
export interface Progress {
  queued: boolean;
  /** -1: no server had it yet. */
  dispatchedMs: number;
  /** -1: the connection it goes out on is not there yet. */
  connectedMs: number;
  /** Some of the final response went to the client. */
  answered: boolean;
  /** The server's part of the response is over. */
  responseDone: boolean;
}

export function stageOf({ queued, dispatchedMs, connectedMs, answered, responseDone }: Progress): Stage {
  if (answered) return responseDone ? "last" : "data";
  if (queued) return "queue";
  if (dispatchedMs < 0) return "request";
  return connectedMs < 0 ? "connect" : "head";
}

const STAGE_LETTERS: Readonly<Record<Stage, string>> = {
  request: "R",
  queue: "Q",
  connect: "C",
  head: "H",
  data: "D",
  last: "L",
};

/**
 * HAProxy's termination state (its configuration manual, section 8.5): who ended the exchange, at which stage, and
 * twice "-" where HAProxy tells of persistence cookies. `byServer`: some server had the request.
 */
export function terminationState(ending: Ending, stage: Stage, byServer: boolean): string {
  switch (ending) {
    case "done":
      return byServer ? "----" : "LR--";
    // Answered by us, as was meant.
    case "health":
      return "LR--";
    case "no_server":
    case "connect_failed":
      return "SC--";
    case "connect_timeout":
      return "sC--";
    // Once its answer has begun, the server has died in the midst of it, whatever was still under way to the client.
    case "truncated":
      return "SD--";
    default:
      return `${CAUSE_LETTERS[ending]}${STAGE_LETTERS[stage]}--`;
  }
}

const CAUSE_LETTERS = {
  refused: "P",
  bad_response: "P",
  client_left: "C",
  client_timeout: "c",
  server_timeout: "s",
  server_closed: "S",
  server_reset: "S",
  drain_deadline: "K",
  queue_timeout: "s",
  queue_full: "S",
} as const;
