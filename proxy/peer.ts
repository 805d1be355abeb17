import { octets } from "./http/octets.ts";
import type { TrustedAddresses } from "./trusted_addresses.ts";

/** Addresses remembered at a time; a flood of new ones makes us start over. */
const REMEMBERED_MAX = 8192;

/** A client address and what every request from it is told to servers, made once. */
export interface Peer {
  address: string;
  /** X-Forwarded-For, X-Real-IP and X-Forwarded-Proto of a client that is not a trusted proxy. */
  forwarded: Uint8Array;
  trusted: boolean;
}

export class Peers {
  readonly #known = new Map<string, Peer>();
  readonly #trusted: TrustedAddresses;

  constructor(trusted: TrustedAddresses) {
    this.#trusted = trusted;
  }

  of(remoteAddress: string): Peer {
    const known = this.#known.get(remoteAddress);
    if (known) return known;
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    const address = remoteAddress.startsWith("::ffff:") ? remoteAddress.slice(7) : remoteAddress;
    const peer = {
      address,
      forwarded: octets(
        `X-Forwarded-For: ${address}\r\nX-Real-IP: ${address}\r\nX-Forwarded-Proto: http\r\n`,
      ),
      trusted: this.#trusted.has(address),
    };
    this.#known.set(remoteAddress, peer);
    return peer;
  }
}
