import { parseAddress } from "../shared/process/listen_socket.ts";

const HTTP_PORT = 80;
const EVERYWHERE = new Set(["0.0.0.0", "::"]);

/** What to type into a browser on this machine for a listener; undefined for a unix socket. `port`: the bound one. */
export function siteUrl(address: string, port: number): string | undefined {
  if (address.startsWith("unix:")) return undefined;
  const { host } = parseAddress(address);
  const reached = EVERYWHERE.has(host) ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  return `http://${reached}${port === HTTP_PORT ? "" : `:${port}`}`;
}
