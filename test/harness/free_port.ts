import { readFileSync } from "node:fs";
import { createServer } from "node:net";

/** Above what services have by habit. */
const PORT_MIN = 10_000;
const given = new Set<number>();

/**
 * A TCP port that nothing listens on, never the same twice in this process. It lies outside of the range that the
 * kernel takes ports from by itself (ip(7), ip_local_port_range): until it is used, no connection and no other
 * program's port 0 can get it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = anyPort();
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

function anyPort(): number {
  const [first = 0, last = 0] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8")
    .split(/\s+/)
    .map(Number);
  const below = Math.max(0, first - PORT_MIN);
  const above = 65_535 - last;
  const nth = Math.floor(Math.random() * (below + above));
  if (below + above === 0) return PORT_MIN + Math.floor(Math.random() * (65_536 - PORT_MIN));
  return nth < below ? PORT_MIN + nth : last + 1 + nth - below;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
