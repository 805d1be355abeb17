/**
 * A pair of connected sockets over which a parent hands open descriptors to a child that already runs (unix(7),
 * SCM_RIGHTS): a listener that a reload adds reaches the children without starting them again.
 */
import { UserError } from "../user_error.ts";
import { addressOf, errno, libc } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
/** recvmsg(2): descriptors that arrive are not inherited further. */
const MSG_CMSG_CLOEXEC = 0x40000000;
/** SCM_MAX_FD of the kernel. */
const FDS_MAX = 253;
/** struct cmsghdr on 64-bit Linux: length, level, type; then the descriptors. */
const CONTROL_HEAD_BYTES = 16;

/** Two sockets that are connected to each other. */
export interface SocketPair {
  /** The parent's end. */
  ours: number;
  /** The end that the child inherits; the parent closes it once the child is there. */
  theirs: number;
}

/** For descriptors. Throws a UserError when none are left. */
export function openFdChannel(): SocketPair {
  return openPair(SOCK_DGRAM);
}

/** For bytes. Throws a UserError when no descriptors are left. */
export function openBytePair(): SocketPair {
  return openPair(SOCK_STREAM);
}

function openPair(type: number): SocketPair {
  const pair = new Int32Array(2);
  if (libc().socketpair(AF_UNIX, type | SOCK_NONBLOCK_CLOEXEC, 0, addressOf(pair)) !== 0) {
    throw new UserError(`can't open a socket pair: system error ${errno()}; raise the limit of open files`);
  }
  const [ours = -1, theirs = -1] = pair;
  return { ours, theirs };
}

/** Hands over copies of descriptors, in order; the sender keeps its own. */
export function sendFds(channel: number, fds: readonly number[]): void {
  for (let from = 0; from < fds.length; from += FDS_MAX) {
    const some = fds.slice(from, from + FDS_MAX);
    const message = new Message(some);
    if (libc().sendmsg(channel, message.address, 0) < 0) {
      throw new Error(`descriptors could not be handed over: system error ${errno()}`);
    }
  }
}

/** Takes descriptors that sendFds() has sent before; throws when fewer are waiting. */
export function receiveFds(channel: number, count: number): number[] {
  const fds: number[] = [];
  while (fds.length < count) {
    const message = new Message([], new Uint8Array(1), undefined, FDS_MAX);
    if (libc().recvmsg(channel, message.address, MSG_CMSG_CLOEXEC) < 0) {
      throw new Error(`${count - fds.length} descriptors did not arrive: system error ${errno()}`);
    }
    fds.push(...message.read());
  }
  return fds;
}

/**
 * struct msghdr: data, descriptors or room for some, and where it goes on a socket that is not connected. It must outlive
 * the call that uses its address.
 */
export class Message {
  readonly #data: Uint8Array;
  readonly #name: Uint8Array | undefined;
  readonly #parts = new BigUint64Array(2);
  readonly #control: DataView;
  readonly #header = new BigUint64Array(7);

  constructor(
    fds: readonly number[],
    data: Uint8Array = new Uint8Array(1),
    name?: Uint8Array,
    room = fds.length,
  ) {
    this.#data = data;
    this.#name = name;
    this.#control = new DataView(new ArrayBuffer(CONTROL_HEAD_BYTES + Math.ceil(room / 2) * 8));
    this.#parts.set([BigInt(addressOf(this.#data)), BigInt(data.byteLength)]);
    if (this.#name) this.#header.set([BigInt(addressOf(this.#name)), BigInt(this.#name.byteLength)]);
    this.#header[2] = BigInt(addressOf(this.#parts));
    this.#header[3] = 1n;
    if (room === 0) return;
    this.#header[4] = BigInt(addressOf(this.#control));
    this.#header[5] = BigInt(this.#control.byteLength);
    if (fds.length > 0) this.#write(fds);
  }

  get address() {
    return addressOf(this.#header);
  }

  read(): number[] {
    const bytes = Number(this.#control.getBigUint64(0, true));
    const count = Math.max(0, (bytes - CONTROL_HEAD_BYTES) / 4);
    return Array.from({ length: count }, (_, i) => this.#control.getInt32(CONTROL_HEAD_BYTES + i * 4, true));
  }

  #write(fds: readonly number[]): void {
    this.#control.setBigUint64(0, BigInt(CONTROL_HEAD_BYTES + fds.length * 4), true);
    this.#control.setInt32(8, SOL_SOCKET, true);
    this.#control.setInt32(12, SCM_RIGHTS, true);
    fds.forEach((fd, i) => {
      this.#control.setInt32(CONTROL_HEAD_BYTES + i * 4, fd, true);
    });
  }
}
