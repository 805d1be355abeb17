import { ClientFilter } from "./client_filter.ts";
import type { Exchange } from "./exchange_state.ts";
import { FieldEdits } from "./field_edits.ts";
import type { RoutePlan } from "./plan.ts";
import { type RouteAnswer, routeAnswer } from "./route_answer.ts";
import { StrippedPrefix } from "./stripped_prefix.ts";

/** What a route does beside choosing a backend, ready for use. A part that is null does nothing. */
export interface RouteRules {
  clients: ClientFilter | null;
  /** What we answer ourselves. */
  answer: RouteAnswer | null;
  prefix: StrippedPrefix | null;
  request: FieldEdits | null;
  response: FieldEdits | null;
  /** Its exchanges get an access line. */
  logged: boolean;
}

/** Whether the route is for this client. */
export function admits({ clients }: RouteRules, exchange: Exchange): boolean {
  return clients === null || clients.admits(exchange.clientAddress);
}

/** null for a route without rules: then nothing is asked of it a request. */
export function routeRules({ pathPrefix, rules }: RoutePlan): RouteRules | null {
  if (!rules) return null;
  return {
    clients: ClientFilter.of(rules.allow, rules.deny),
    answer: routeAnswer(rules),
    prefix: rules.strip_prefix ? StrippedPrefix.of(pathPrefix) : null,
    request: FieldEdits.of(rules.headers.request),
    response: FieldEdits.of(rules.headers.response),
    logged: rules.access_log,
  };
}
