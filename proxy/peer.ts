import type { AddressSet } from "./address_set.ts";
import type { ClientAddress } from "./client_address.ts";
import { octets } from "./http/octets.ts";

/** Addresses remembered at a time; a flood of new ones makes us start over. */
const REMEMBERED_MAX = 8192;

/** Stands last in Peer.forwarded. */
export const FORWARDED_HOST = "X-Forwarded-Host: ";

/** A client address and what every request from it is told to servers, made once. */
export interface Peer {
  address: string;
  /** X-Forwarded-For, X-Real-IP, X-Forwarded-Proto, and the name of X-Forwarded-Host, whose value follows. */
  forwarded: Buffer;
  /** How it stands in a line of the JSON log, up to the port. */
  logged: Buffer;
  trusted: boolean;
}

export class Peers {
  readonly #known = new Map<number | string, Peer>();
  readonly #trusted: AddressSet;

  constructor(trusted: AddressSet) {
    this.#trusted = trusted;
  }

  of(client: Pick<ClientAddress, "key" | "text">): Peer {
    const known = this.#known.get(client.key);
    if (known) return known;
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    const address = client.text;
    const peer = {
      address,
      forwarded: octets(
        `X-Forwarded-For: ${address}\r\nX-Real-IP: ${address}\r\nX-Forwarded-Proto: http\r\n${FORWARDED_HOST}`,
      ),
      logged: octets(`","client":"${address}","port":`),
      trusted: this.#trusted.has(address),
    };
    this.#known.set(client.key, peer);
    return peer;
  }
}
