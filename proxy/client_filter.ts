import { isIP } from "node:net";
import { AddressSet } from "./address_set.ts";

/** Which clients a route is for. */
export class ClientFilter {
  readonly #allowed: AddressSet | null;
  readonly #denied: AddressSet;

  /** CIDRs; nothing in `allow` allows all. `deny` has the last word. */
  constructor(allow: readonly string[], deny: readonly string[]) {
    this.#allowed = allow.length === 0 ? null : new AddressSet(allow);
    this.#denied = new AddressSet(deny);
  }

  static of(allow: readonly string[], deny: readonly string[]): ClientFilter | null {
    return allow.length + deny.length === 0 ? null : new ClientFilter(allow, deny);
  }

  /** Who has no address may be anybody: not admitted. */
  admits(address: string): boolean {
    if (isIP(address) === 0) return false;
    return !this.#denied.has(address) && (this.#allowed === null || this.#allowed.has(address));
  }
}
