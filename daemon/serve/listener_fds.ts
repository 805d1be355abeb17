import { readdirSync } from "node:fs";
import { addressOf, libc } from "../../shared/process/libc.ts";

const AF_INET = 2;
const AF_INET6 = 10;

/** The descriptors of this process that are bound to these TCP ports: Bun.serve does not tell its own. */
export function fdsOnPorts(ports: ReadonlySet<number>): number[] {
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => ports.has(localPort(fd)));
}

/** 0 for what is no TCP socket. */
function localPort(fd: number): number {
  const address = new Uint8Array(28);
  const length = new Uint32Array([address.byteLength]);
  if (libc().getsockname(fd, addressOf(address), addressOf(length)) !== 0) return 0;
  const view = new DataView(address.buffer);
  const family = view.getUint16(0, true);
  return family === AF_INET || family === AF_INET6 ? view.getUint16(2) : 0;
}
