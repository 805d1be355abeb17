import { readdirSync } from "node:fs";
import { addressOf, libc } from "../../shared/process/libc.ts";

const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
/** struct sockaddr_un (unix(7)), the longest we read. */
const ADDRESS_BYTES = 110;
const PATH_AT = 2;

/** A TCP port, or the path of a unix socket. */
export type LocalName = number | string;

/** The descriptors of this process that are bound there, listeners and accepted connections: Bun.serve does not tell its own. */
export function fdsBoundTo(names: ReadonlySet<LocalName>): number[] {
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => names.has(localName(fd)));
}

/** Whether new connections come to it. */
export function isListening(fd: number): boolean {
  const value = new Int32Array(1);
  const length = new Uint32Array([value.byteLength]);
  const code = libc().getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, addressOf(value), addressOf(length));
  return code === 0 && value[0] === 1;
}

/** The TCP ports on which this process listens. */
export function listeningPorts(): number[] {
  const names = readdirSync("/proc/self/fd").map(Number).filter(isListening).map(localName);
  return names.filter((name): name is number => typeof name === "number" && name > 0);
}

/** 0 for what is no such socket. */
function localName(fd: number): LocalName {
  const address = new Uint8Array(ADDRESS_BYTES);
  const length = new Uint32Array([address.byteLength]);
  if (libc().getsockname(fd, addressOf(address), addressOf(length)) !== 0) return 0;
  const view = new DataView(address.buffer);
  switch (view.getUint16(0, true)) {
    case AF_INET:
    case AF_INET6:
      return view.getUint16(2);
    case AF_UNIX:
      return pathIn(address.subarray(PATH_AT, length[0]));
    default:
      return 0;
  }
}

function pathIn(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString();
}
