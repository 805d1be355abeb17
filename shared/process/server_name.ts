import { isIP } from "node:net";
import { parseAddress } from "./listen_socket.ts";

/** The DNS name in a server's address; undefined: an IP address, a unix socket, or this machine's own name. */
export function nameIn(address: string): { name: string; port: number } | undefined {
  if (address.startsWith("unix:")) return undefined;
  const { host, port } = parseAddress(address);
  // Both of its addresses are tried for each connection (RFC 6761 §6.3): a server listens on one of them, mostly.
  if (isIP(host) !== 0 || /(?:^|\.)localhost\.?$/i.test(host)) return undefined;
  return { name: host, port };
}

/** An IP address and a port, as an address of a server. */
export function placeOf(ip: string, port: number): string {
  return isIP(ip) === 6 ? `[${ip}]:${port}` : `${ip}:${port}`;
}
