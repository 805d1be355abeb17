import { BlockList, isIP } from "node:net";

const BITS = { 4: 32, 6: 128 } as const;
/** IPv4 addresses in IPv6 notation (RFC 4291 §2.5.5.2). */
const MAPPED = mappedNetworks();

/** Networks, and whether an address is in one. An IPv4 address in IPv6 notation counts as what it is. */
export class AddressSet {
  /** Apart, for a list of both takes "::/0" for every address there is. */
  readonly #v4 = new BlockList();
  readonly #v6 = new BlockList();

  constructor(cidrs: readonly string[]) {
    for (const cidr of cidrs) {
      const [network = "", bits] = cidr.split("/");
      const family = isIP(network) === 6 ? 6 : 4;
      const length = bits === undefined ? BITS[family] : Number(bits);
      const list = family === 4 || (isMapped(network) && length >= 96) ? this.#v4 : this.#v6;
      list.addSubnet(network, length, `ipv${family}`);
    }
  }

  has(address: string): boolean {
    const family = isIP(address);
    if (family === 4) return this.#v4.check(address, "ipv4");
    if (family === 0) return false;
    return (isMapped(address) ? this.#v4 : this.#v6).check(address, "ipv6");
  }
}

function isMapped(address: string): boolean {
  return MAPPED.check(address, "ipv6");
}

function mappedNetworks(): BlockList {
  const list = new BlockList();
  list.addSubnet("::ffff:0:0", 96, "ipv6");
  return list;
}
