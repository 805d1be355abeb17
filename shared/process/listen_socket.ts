/**
 * Listening sockets that the parent owns and its children inherit: one SO_REUSEPORT socket a child slot, all open for
 * as long as the parent lives, so that connections waiting in a dead child's queue reach its replacement.
 */
import { UserError } from "../user_error.ts";
import { addressOf, errno, libc } from "./libc.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM_NONBLOCK_CLOEXEC = 1 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const EACCES = 13;
const EADDRINUSE = 98;
const EADDRNOTAVAIL = 99;
const F_DUPFD_CLOEXEC = 1030;
const SO_ATTACH_FILTER = 26;
/** Connections that may wait to be accepted, where nobody says otherwise; the kernel cuts it to net.core.somaxconn. */
export const BACKLOG = 4096;
/** Classic BPF, two words an instruction: load the TCP flags; when SYN is set drop the packet, else keep it. */
const LOAD_FLAGS = [0x30, 13];
const SKIP_UNLESS_SYN = [0x45 | (1 << 24), 0x02];
const DROP = [0x06, 0];
const KEEP = [0x06, 0xffffffff];
const DROP_SYN = new Uint32Array([LOAD_FLAGS, SKIP_UNLESS_SYN, DROP, KEEP].flat());

export interface SocketAddress {
  host: string;
  port: number;
}

/** Splits "host:port", "[v6]:port" or ":port" (every address). Throws a RangeError on anything else. */
export function parseAddress(text: string): SocketAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535)
    throw new RangeError(`"${text}" is not an address: write host:port, like "127.0.0.1:8080"`);
  return { host: match[1] ?? (match[2] || "0.0.0.0"), port };
}

/** Binds `count` listening sockets to one address. Throws a UserError when the address can't be had. */
export function openListenSockets(
  text: string,
  count: number,
  backlog = BACKLOG,
): { fds: number[]; port: number } {
  const { host, port } = parseAddress(text);
  const fds: number[] = [];
  try {
    // Without SO_REUSEPORT first: with it a second Trivet would silently share the port.
    const probe = bound(text, host, port, false);
    const actual = portOf(probe);
    libc().close(probe);
    for (let i = 0; i < count; i++) fds.push(listening(bound(text, host, actual, true), text, backlog));
    return { fds, port: actual };
  } catch (error) {
    closeSockets(fds);
    throw error;
  }
}

/**
 * Throws a UserError when nobody could listen on an address now. `shared`: it may be taken by another process of this user
 * that shares it.
 */
export function tryAddress(text: string, shared: boolean): void {
  const { host, port } = parseAddress(text);
  libc().close(bound(text, host, port, shared));
}

/**
 * From now on the sockets take no new connection: the kernel drops each SYN (socket(7), SO_ATTACH_FILTER), so that the
 * client asks again, while connections half made or waiting are still accepted. Closing at once would reset those.
 */
export function stopNewConnections(fds: readonly number[]): void {
  const program = new BigUint64Array(2);
  program[0] = BigInt(DROP_SYN.length / 2);
  program[1] = BigInt(addressOf(DROP_SYN));
  for (const fd of fds) {
    libc().setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, addressOf(program), program.byteLength);
  }
}

/** Brings sockets that are open already to at least `count` of them on the same port. */
export function addListenSockets(
  text: string,
  fds: readonly number[],
  count: number,
  backlog = BACKLOG,
): { fds: number[]; port: number } {
  const [first = -1] = fds;
  const { host } = parseAddress(text);
  const port = portOf(first);
  const more = Math.max(0, count - fds.length);
  return {
    fds: [
      ...fds,
      ...Array.from({ length: more }, () => listening(bound(text, host, port, true), text, backlog)),
    ],
    port,
  };
}

/** Lets as many connections wait to be accepted as when it was opened (listen(2) again on a socket that listens). */
export function lengthenQueue(fd: number): void {
  libc().listen(fd, BACKLOG);
}

/** Another descriptor of the same socket. Throws when none is left. */
export function duplicateSocket(fd: number): number {
  const copy = libc().fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0)
    throw new UserError(`no descriptor is left: system error ${errno()}; raise the limit of open files`);
  return copy;
}

export function closeSockets(fds: readonly number[]): void {
  for (const fd of fds) libc().close(fd);
}

function bound(text: string, host: string, port: number, shared: boolean): number {
  const address = encode(text, host, port);
  const fd = libc().socket(host.includes(":") ? AF_INET6 : AF_INET, SOCK_STREAM_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) throw refusal(text);
  const on = new Int32Array([1]);
  libc().setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, addressOf(on), on.byteLength);
  if (shared) libc().setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, addressOf(on), on.byteLength);
  if (libc().bind(fd, addressOf(address), address.byteLength) === 0) return fd;
  const error = refusal(text);
  libc().close(fd);
  throw error;
}

/** Lets so many connections wait on sockets that listen already (listen(2) may be called again). */
export function setBacklog(fds: readonly number[], backlog: number): void {
  for (const fd of fds) libc().listen(fd, backlog);
}

function listening(fd: number, text: string, backlog: number): number {
  if (libc().listen(fd, backlog) === 0) return fd;
  const error = refusal(text);
  libc().close(fd);
  throw error;
}

function refusal(text: string): UserError {
  const code = errno();
  if (code === EADDRINUSE)
    return new UserError(`${text} is in use by another program: stop it or choose another port`);
  if (code === EACCES)
    return new UserError(`may not listen on ${text}: ports below 1024 need root or CAP_NET_BIND_SERVICE`);
  if (code === EADDRNOTAVAIL)
    return new UserError(`can't listen on ${text}: this machine has no such address`);
  return new UserError(`can't listen on ${text}: system error ${code}`);
}

/** struct sockaddr_in or sockaddr_in6. */
function encode(text: string, host: string, port: number): Uint8Array {
  if (host.includes(":")) {
    const bytes = new Uint8Array(28);
    new DataView(bytes.buffer).setUint16(0, AF_INET6, true);
    new DataView(bytes.buffer).setUint16(2, port);
    bytes.set(encodeV6(host), 8);
    return bytes;
  }
  const parts = (host === "localhost" ? "127.0.0.1" : host).split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) {
    throw new UserError(
      `can't listen on ${text}: write an IP address of this machine, like 127.0.0.1 or 0.0.0.0`,
    );
  }
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint16(0, AF_INET, true);
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(parts, 4);
  return bytes;
}

/** The 16 bytes of an IPv6 address, "::" and a dotted tail included; the URL parser has made it canonical. */
function encodeV6(host: string): Uint8Array {
  const canonical = new URL(`http://[${host}]/`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const words = (part: string) => (part ? part.split(":").map((word) => Number.parseInt(word, 16)) : []);
  const left = words(head);
  const right = tail === undefined ? [] : words(tail);
  const all = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 255]));
}

function portOf(fd: number): number {
  const address = new Uint8Array(28);
  const length = new Uint32Array([address.byteLength]);
  libc().getsockname(fd, addressOf(address), addressOf(length));
  return new DataView(address.buffer).getUint16(2);
}
