import { isIPv4 } from "node:net";

/** An IPv6 address, or what ends in a number: then all of it is an IPv4 address, in whatever form (WHATWG URL §3.5). */
const ADDRESS = /^\[|(?:^|\.)(?:\d+|0x[\da-f]*)$/;

/** A host's name, without a port, in the form of all its spellings: lower case, no dot of the root, an address as a URL has it. */
export function normalHost(name: string): string {
  const lower = name.toLowerCase();
  const host = lower.endsWith(".") ? lower.slice(0, -1) : lower;
  if (!ADDRESS.test(host) || isIPv4(host)) return host;
  const url = `http://${host}/`;
  return URL.canParse(url) ? new URL(url).hostname : host;
}
