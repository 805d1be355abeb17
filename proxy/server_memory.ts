/** What is known of servers over an upgrade: what checks have shown, and what was ordered. */
import { ServerHealth } from "./server_health.ts";
import { noOrders, type ServerOrders } from "./server_orders.ts";

export interface KnownServer {
  health: ServerHealth;
  orders: ServerOrders;
}

/** As it goes to the successor, by backend and address. */
export type ServerMemory = Record<string, Record<string, unknown>>;

/** Finds what is known of a server; undefined when it is new. */
export type Recollection = (backend: string, address: string) => KnownServer | undefined;

export function remember({ health, orders }: KnownServer): unknown {
  const { state, last, sinceMs, ejected, recovered } = health;
  return { health: { state, last, sinceMs, ejected, recovered }, orders };
}

/** `memory` comes from a binary that may be older or newer: what is not as expected counts as unknown. */
export function recollection(memory: unknown): Recollection {
  return (backend, address) => {
    const known = at(at(at(memory, "servers"), backend), address);
    const { health, orders } = (known ?? {}) as {
      health?: Partial<ServerHealth>;
      orders?: Partial<ServerOrders>;
    };
    if (health?.state !== "up" && health?.state !== "down") return undefined;
    return {
      health: Object.assign(new ServerHealth(), health),
      orders: { ...noOrders(), ...orders },
    };
  };
}

function at(table: unknown, key: string): unknown {
  return typeof table === "object" && table !== null ? (table as Record<string, unknown>)[key] : undefined;
}
