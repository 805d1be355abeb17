/**
 * Lets a listener be closed without losing anyone: the kernel drops new handshakes while the accept queue is emptied.
 * A listener that is closed right away resets all who wait in its queue; a client whose SYN was dropped asks again
 * after a second and meets whoever listens then.
 */
import { readdirSync } from "node:fs";
import { addressOf, libc } from "./libc.ts";

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const AF_INET = 2;
const AF_INET6 = 10;

/**
 * Classic BPF (socket(7), linux/filter.h) over a segment that starts at its TCP header: byte 13 holds the flags
 * (RFC 9293 section 3.1), SYN is 2. Sockets accepted later inherit it; to them no SYN comes.
 */
const DROP_SYN = [
  { code: 0x30, yes: 0, no: 0, k: 13 }, // A = the flags
  { code: 0x45, yes: 0, no: 1, k: 2 }, // SYN set?
  { code: 0x06, yes: 0, no: 0, k: 0 }, // then drop
  { code: 0x06, yes: 0, no: 0, k: 0xffffffff }, // else take it whole
];

/** From now on nobody new can connect to the TCP ports that this process listens on itself. */
export function quietListeners(ports: ReadonlySet<number>): void {
  for (const entry of readdirSync("/proc/self/fd")) {
    const fd = Number(entry);
    if (ports.has(localPort(fd))) attach(fd);
  }
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

function attach(fd: number): void {
  const code = new DataView(new ArrayBuffer(DROP_SYN.length * 8));
  DROP_SYN.forEach((step, i) => {
    code.setUint16(i * 8, step.code, true);
    code.setUint8(i * 8 + 2, step.yes);
    code.setUint8(i * 8 + 3, step.no);
    code.setUint32(i * 8 + 4, step.k, true);
  });
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, DROP_SYN.length, true);
  program.setBigUint64(8, BigInt(addressOf(code)), true);
  // Where the kernel refuses it, draining goes on as without it.
  libc().setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, addressOf(program), program.byteLength);
}
