import { chmodSync, chownSync, rmSync } from "node:fs";
import { UserError } from "../user_error.ts";
import { addressOf, errno, libc } from "./libc.ts";
import { BACKLOG } from "./listen_socket.ts";
import { encodeUnix } from "./service_manager.ts";

const AF_UNIX = 1;
const SOCK_STREAM_NONBLOCK_CLOEXEC = 1 | 0o4000 | 0o2000000;
const OWNER_ONLY = 0o600;
const OWNER_AND_GROUP = 0o660;

/**
 * A listening unix socket for somebody else to accept on, who need not be able to make it. `gid`: the group that may connect
 * beside our own user; undefined: none. Throws a UserError when it can't be made.
 */
export function openUnixListener(path: string, gid: number | undefined): number {
  const fd = libc().socket(AF_UNIX, SOCK_STREAM_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) throw refusal(path);
  const address = encodeUnix(path);
  if (!address || libc().bind(fd, addressOf(address), address.byteLength) !== 0) {
    const error = refusal(path);
    libc().close(fd);
    throw error;
  }
  try {
    // Nobody can connect before it listens.
    if (gid !== undefined) chownSync(path, -1, gid);
    chmodSync(path, gid === undefined ? OWNER_ONLY : OWNER_AND_GROUP);
    if (libc().listen(fd, BACKLOG) === 0) return fd;
    throw refusal(path);
  } catch (error) {
    libc().close(fd);
    rmSync(path, { force: true });
    throw error;
  }
}

function refusal(path: string): UserError {
  return new UserError(`can't listen on ${path}: system error ${errno()}`);
}
