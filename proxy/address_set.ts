import { BlockList, isIP } from "node:net";

/** Networks, and whether an address is in one. An IPv4 address in IPv6 notation counts as what it is. */
export class AddressSet {
  readonly #list = new BlockList();

  constructor(cidrs: readonly string[]) {
    for (const cidr of cidrs) {
      const [network = "", bits] = cidr.split("/");
      const family = isIP(network) === 6 ? "ipv6" : "ipv4";
      this.#list.addSubnet(
        network,
        bits === undefined ? (family === "ipv6" ? 128 : 32) : Number(bits),
        family,
      );
    }
  }

  has(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 6 ? "ipv6" : "ipv4");
  }
}
