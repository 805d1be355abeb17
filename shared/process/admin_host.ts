import { isIPv4 } from "node:net";
import { normalHost } from "../normal_host.ts";

const PORT = /:\d*$/;

/**
 * Whether a request that reached us on loopback names this machine in its Host. A page from elsewhere can have its own
 * name resolve to 127.0.0.1 and then read what is here as its own (DNS rebinding); the browser still says that name.
 * `known`: further names. A client that says none (HTTP/1.0) is no browser.
 */
export function namesUs(host: string | null, known: readonly string[]): boolean {
  if (host === null) return true;
  const name = normalHost(host.replace(PORT, ""));
  const loopback = name === "localhost" || name === "[::1]" || (isIPv4(name) && name.startsWith("127."));
  return loopback || known.some((other) => normalHost(other) === name);
}
