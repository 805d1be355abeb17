/**
 * A server of Bun's on a listening socket that its process inherited. Bun.serve knows no such option. So it opens a
 * listener of its own, on a free port of loopback, and the inherited socket is put under it: dup3(2) gives Bun's
 * descriptor another socket, and epoll_ctl(2) registers it again as Bun had registered its own, since closing a socket
 * takes it out of the epoll set (epoll(7)). Bun's own is gone before the event loop could accept on it.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Server } from "bun";
import { addressOf, errno, libc } from "../../shared/process/libc.ts";
import { fdsBoundTo, isListening } from "./socket_fds.ts";

const O_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_FDS = "anon_inode:[eventpoll]";
/** struct epoll_event is packed on x86-64 only. */
const DATA_AT = process.arch === "x64" ? 4 : 8;

/** The socket could not be put under a server: this kernel or this Bun is laid out otherwise. Nothing is left open. */
export class NotAdopted extends Error {}

export interface AdoptedListener {
  server: Server<unknown>;
  /** Bun's descriptor, which now leads to the inherited socket. */
  fd: number;
  /** Accepts no more; what waits, and what comes, is for others who hold the socket. */
  release(): void;
}

/** How an epoll set watches a descriptor: a line of /proc/self/fdinfo (proc(5)). */
interface Registration {
  epoll: number;
  events: number;
  data: bigint;
}

/**
 * `serve` opens a server at a place of our choice. Our copy of the inherited descriptor is closed when it has worked.
 * Throws NotAdopted.
 */
export function adoptListener(
  inherited: number,
  serve: (place: { hostname: string; port: number }) => Server<unknown>,
): AdoptedListener {
  if (!isListening(inherited)) throw new NotAdopted(`descriptor ${inherited} is no listening socket`);
  const server = serve({ hostname: "127.0.0.1", port: 0 });
  try {
    const fd = fdOf(server);
    const registration = registrationOf(fd);
    if (libc().dup3(inherited, fd, O_CLOEXEC) !== fd) throw new NotAdopted(`dup3: system error ${errno()}`);
    if (control(EPOLL_CTL_ADD, fd, registration) !== 0) {
      throw new NotAdopted(`epoll_ctl: system error ${errno()}`);
    }
    libc().close(inherited);
    return { server, fd, release: () => void control(EPOLL_CTL_DEL, fd, registration) };
  } catch (error) {
    void server.stop(true);
    throw error;
  }
}

function fdOf({ port = 0 }: Server<unknown>): number {
  const [fd, ...more] = fdsBoundTo(new Set([port]));
  if (fd === undefined || more.length > 0) throw new NotAdopted("its own listener was not found");
  return fd;
}

function registrationOf(fd: number): Registration {
  const found = readdirSync("/proc/self/fd")
    .filter((name) => leadsTo(name) === EPOLL_FDS)
    .flatMap((name) => {
      const info = readProc(name);
      const line = new RegExp(`^tfd:\\s+${fd} events:\\s+([0-9a-f]+) data:\\s+([0-9a-f]+)`, "m").exec(info);
      if (!line) return [];
      return [{ epoll: Number(name), events: Number(`0x${line[1]}`), data: BigInt(`0x${line[2]}`) }];
    });
  const [registration, ...more] = found;
  if (!registration || more.length > 0) throw new NotAdopted("its listener is not in one epoll set");
  return registration;
}

/** Throws NotAdopted also where /proc is not mounted or closed to this user. */
function readProc(name: string): string {
  try {
    return readFileSync(`/proc/self/fdinfo/${name}`, "latin1");
  } catch (error) {
    throw new NotAdopted(error instanceof Error ? error.message : String(error));
  }
}

function leadsTo(name: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${name}`);
  } catch {
    // The descriptor by which the folder was read is gone.
    return "";
  }
}

function control(operation: number, fd: number, { epoll, events, data }: Registration): number {
  const event = new DataView(new ArrayBuffer(DATA_AT + 8));
  event.setUint32(0, events, true);
  event.setBigUint64(DATA_AT, data, true);
  return libc().epoll_ctl(epoll, operation, fd, addressOf(event));
}
