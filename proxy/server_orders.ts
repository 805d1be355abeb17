import { nearestName } from "../shared/config/nearest_name.ts";
import { WEIGHT_MAX } from "../shared/config/schema.ts";
import { UserError } from "../shared/user_error.ts";
import type { ServerState } from "./server.ts";

/** What someone has ordered of one server while the edge runs. Kept over reloads, by its address. */
export interface ServerOrders {
  /** Undefined: as checks and answers say. */
  state: "draining" | "maint" | undefined;
  weight: number | undefined;
  /** The file's weight when another was ordered: a reload that changes it has the last word. */
  weightInFile: number;
  sinceMs: number;
}

export function noOrders(): ServerOrders {
  return { state: undefined, weight: undefined, weightInFile: 0, sinceMs: 0 };
}

/** An order of `trivet backend`. */
export interface ServerOrder {
  verb: "drain" | "ready" | "maint" | "weight";
  backend: string;
  server: string;
  weight?: number;
}

const VERBS: readonly unknown[] = ["drain", "ready", "maint", "weight"];

/** What came over the admin socket as an order; throws a UserError when it is none. */
export function readOrder(order: Record<string, unknown>): ServerOrder {
  const { verb, backend, server, weight } = order;
  if (!VERBS.includes(verb) || typeof backend !== "string" || typeof server !== "string") {
    throw new UserError("an order to the edge is drain, ready, maint or weight, a backend and a server");
  }
  const known = { verb: verb as ServerOrder["verb"], backend, server };
  if (verb !== "weight") return known;
  if (typeof weight !== "number" || !Number.isInteger(weight) || weight < 1 || weight > WEIGHT_MAX) {
    throw new UserError(`a weight is a whole number from 1 to ${WEIGHT_MAX}; "drain" takes a server out`);
  }
  return { ...known, weight };
}

/** Writes an order into what is ordered of the server. */
export function note(
  orders: ServerOrders,
  { verb, weight }: ServerOrder,
  weightInFile: number,
  nowMs: number,
): void {
  if (verb === "weight") {
    orders.weight = weight;
    orders.weightInFile = weightInFile;
    return;
  }
  orders.state = verb === "ready" ? undefined : verb === "drain" ? "draining" : "maint";
  orders.sinceMs = nowMs;
}

export function stateOf(orders: ServerOrders, health: "up" | "down"): ServerState {
  return orders.state ?? health;
}

export function weightOf(orders: ServerOrders, weightInFile: number): number {
  return orders.weight !== undefined && orders.weightInFile === weightInFile ? orders.weight : weightInFile;
}

/** `what` is "backend" or "server"; says which there are, or which was meant. */
export function unknownName(what: string, name: string, known: readonly string[]): UserError {
  const near = nearestName(name, known);
  const hint = near
    ? `did you mean ${near}?`
    : `there ${known.length === 0 ? "is none" : `are ${known.join(", ")}`}`;
  return new UserError(`there is no ${what} ${name}: ${hint}`);
}
