import type { Sample } from "../shared/metrics.ts";
import type { MemberView } from "./health_watch.ts";
import type { BackendPlan, MemberState } from "./plan.ts";
import { type ServerErrorsView, serverErrorsView } from "./server_errors.ts";

/** Gauges of the data-plane processes. */
export const QUEUED = "trivet_proxy_queue_length";
export const IN_FLIGHT = "trivet_proxy_server_requests_in_flight";

/** A backend as `trivet status` and `trivet backend ls` show it. */
export interface BackendView {
  name: string;
  /** Requests that wait for a server with room. */
  queued: number;
  servers: ServerView[];
}

/** `inFlight`: requests in its hands. Those of the app server have no checks of ours. */
export type ServerView = MemberState & Partial<MemberView> & { inFlight: number; errors: ServerErrorsView };

/** `checked`: what the health watch of a backend knows; `samples` of all data-plane processes. */
export function backendViews(
  backends: readonly BackendPlan[],
  checked: (backend: string) => readonly MemberView[],
  samples: readonly Sample[],
): BackendView[] {
  return backends.map(({ name, members }) => {
    const known = new Map(checked(name).map((view) => [view.address, view]));
    return {
      name,
      queued: sum(samples, QUEUED, name),
      servers: members.map((member) => ({
        ...(known.get(member.address) ?? member),
        inFlight: sum(samples, IN_FLIGHT, name, member.label ?? member.address),
        errors: serverErrorsView(samples, name, member.label ?? member.address),
      })),
    };
  });
}

function sum(samples: readonly Sample[], metric: string, backend: string, server?: string): number {
  return samples
    .filter(
      ({ name, labels }) => name === metric && labels["backend"] === backend && labels["server"] === server,
    )
    .reduce((total, { value }) => total + value, 0);
}
