/** The few system calls that Bun has no name for. */
import { dlopen, FFIType, ptr, read } from "bun:ffi";

const { i32, i64, u32, u64, ptr: pointer } = FFIType;

function open() {
  const functions = {
    socket: { args: [i32, i32, i32], returns: i32 },
    setsockopt: { args: [i32, i32, i32, pointer, u32], returns: i32 },
    bind: { args: [i32, pointer, u32], returns: i32 },
    listen: { args: [i32, i32], returns: i32 },
    getsockname: { args: [i32, pointer, pointer], returns: i32 },
    getsockopt: { args: [i32, i32, i32, pointer, pointer], returns: i32 },
    shutdown: { args: [i32, i32], returns: i32 },
    dup3: { args: [i32, i32, i32], returns: i32 },
    epoll_ctl: { args: [i32, i32, i32, pointer], returns: i32 },
    getpeername: { args: [i32, pointer, pointer], returns: i32 },
    socketpair: { args: [i32, i32, i32, pointer], returns: i32 },
    sendmsg: { args: [i32, pointer, i32], returns: i64 },
    send: { args: [i32, pointer, u64, i32], returns: i32 },
    sendto: { args: [i32, pointer, u64, i32, pointer, u32], returns: i32 },
    recvmsg: { args: [i32, pointer, i32], returns: i64 },
    fcntl: { args: [i32, i32, i32], returns: i32 },
    ioctl: { args: [i32, u64, pointer], returns: i32 },
    close: { args: [i32], returns: i32 },
    poll: { args: [pointer, u64, i32], returns: i32 },
    getpwnam: { args: [pointer], returns: pointer },
    getpwuid: { args: [u32], returns: pointer },
    getgrnam: { args: [pointer], returns: pointer },
    waitid: { args: [i32, u32, pointer, i32], returns: i32 },
    waitpid: { args: [i32, pointer, i32], returns: i32 },
    prctl: { args: [i32, u64, u64, u64, u64], returns: i32 },
    clock_gettime: { args: [i32, pointer], returns: i32 },
    adjtimex: { args: [pointer], returns: i32 },
    __errno_location: { args: [], returns: pointer },
  } as const;
  try {
    return dlopen("libc.so.6", functions).symbols;
  } catch {
    // musl has one libc under another name.
    return dlopen(`libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`, functions).symbols;
  }
}

let loaded: ReturnType<typeof open> | undefined;

/** libc, opened at the first use: most commands never need it. */
export function libc(): ReturnType<typeof open> {
  loaded ??= open();
  return loaded;
}

/** errno of the libc call just made. */
export function errno(): number {
  const at = libc().__errno_location();
  return at === null ? 0 : read.i32(at, 0);
}

/** The address of a typed array, for a call that reads or fills it. */
export const addressOf = ptr;

const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** What this process starts does not inherit the descriptor. */
export function keepToOurselves(fd: number): void {
  libc().fcntl(fd, F_SETFD, FD_CLOEXEC);
}
