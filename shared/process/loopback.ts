import { isIP } from "node:net";
import { parseAddress } from "./listen_socket.ts";

/** Whether only this machine reaches an address "host:port". */
export function isLoopback(address: string): boolean {
  const { host } = parseAddress(address);
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** Why the admin HTTP address may be no other. */
export const BEYOND_LOOPBACK =
  'must be on loopback, like "127.0.0.1:9900": nothing protects it beyond this machine';
