import { isIP, isIPv6 } from "node:net";

/** Stands for a client whose address a trusted proxy did not know (RFC 7239 §6.2): on no list, and never the proxy. */
export const NOBODY = "unknown";

const PORT = "(?::\\d{1,5})?$";
const BRACKETED = new RegExp(`^\\[([^\\]]*)\\]${PORT}`);
const DOTTED = new RegExp(`^([\\d.]+)${PORT}`);

/**
 * The address in an entry of X-Forwarded-For, without the port that some proxies write along ("192.0.2.1:4711",
 * "[2001:db8::1]:4711"); NOBODY for whatever else they write. A zone ("%eth0") means something on one machine only.
 */
export function addressIn(entry: string): string {
  const text = entry.trim();
  const bracketed = BRACKETED.exec(text)?.[1];
  if (bracketed !== undefined) return isIPv6(bracketed) && !bracketed.includes("%") ? bracketed : NOBODY;
  const address = DOTTED.exec(text)?.[1] ?? text;
  return isIP(address) === 0 || address.includes("%") ? NOBODY : address;
}
