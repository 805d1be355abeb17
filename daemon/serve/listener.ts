/** Where a child answers: an inherited socket, or its private one. */
import { rmSync } from "node:fs";
import type { Server } from "bun";
import { log } from "../../shared/log.ts";
import { libc } from "../../shared/process/libc.ts";
import { closeSockets, stopNewConnections } from "../../shared/process/listen_socket.ts";
import { UserError } from "../../shared/user_error.ts";
import { adoptListener, NotAdopted } from "./adopted_listener.ts";
import { fdsBoundTo, isListening, type LocalName } from "./socket_fds.ts";

/** A listening socket that the supervisor has made, and what it is bound to: ours alone, or one that it keeps. */
export type Place = PrivatePlace | InheritedPlace;

export interface PrivatePlace {
  unix: string;
  fd: number;
}

export interface InheritedPlace {
  /** As trivet.toml has it. */
  address: string;
  hostname: string;
  port: number;
  fd: number;
  /** Of the slot that lends it; undefined for our own. */
  lentBy?: number;
}

type BunServer = Server<unknown>;
const SHUT_RD = 0;
const SHUT_RDWR = 2;
/** Kept, since serve_capture.ts puts its own in this place. */
const bunServe = Bun.serve;
/** It is the same for all addresses. */
let warned = false;

export interface Listener {
  readonly place: Place;
  readonly server: BunServer;
  /**
   * From now on new connections go elsewhere. `forGood`: nobody else takes those that wait in the kernel's queue, so
   * they are still accepted; the supervisor has seen to it that no more come.
   */
  release(forGood: boolean): void;
}

/** Opens a server at a place, given as options of Bun.serve. */
export type OpenServer = (at: object) => BunServer;

/** Bun.serve with these options at whatever place. */
export function serverWith(options: object): OpenServer {
  return (at) => bunServe({ ...options, ...at } as never) as BunServer;
}

/** Throws a UserError when the address can't be had, and what Bun says of the app's options when they are wrong. */
export function openListener(place: Place, serve: OpenServer): Listener {
  try {
    if ("unix" in place) return openPrivate(place, serve);
    return openInherited(place, serve);
  } catch (error) {
    // Errors of the system have a code, such as EADDRINUSE.
    if (!/^E[A-Z]+$/.test(String((error as NodeJS.ErrnoException).code))) throw error;
    const where = "unix" in place ? place.unix : place.address;
    throw new UserError(
      `can't listen on ${where}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** How this process's sockets at a place are found. */
export function nameOf(place: Place): LocalName {
  return "unix" in place ? place.unix : place.port;
}

function openPrivate(place: PrivatePlace, serve: OpenServer): Listener {
  try {
    const { server, fd, release } = adoptListener(place.fd, serve);
    // Who connects from then on is refused, so that an edge that tries asks another child.
    const refuse = () => {
      libc().shutdown(fd, SHUT_RD);
      // A turn of the event loop later what waited was accepted; then its being shut must wake nobody. When the server
      // was closed meanwhile, the number may be another socket's.
      const forget = () => {
        if (isListening(fd) && fdsBoundTo(new Set([place.unix])).includes(fd)) release();
      };
      setImmediate(() => setImmediate(forget));
    };
    return { place, server, release: refuse };
  } catch (error) {
    if (!(error instanceof NotAdopted)) throw error;
    closeSockets([place.fd]);
    rmSync(place.unix, { force: true });
    return { place, server: serve({ unix: place.unix }), release: () => rmSync(place.unix, { force: true }) };
  }
}

function openInherited(place: InheritedPlace, serve: OpenServer): Listener {
  try {
    const { server, release } = adoptListener(place.fd, serve);
    return { place, server, release: (forGood) => forGood || release() };
  } catch (error) {
    if (!(error instanceof NotAdopted)) throw error;
    warnOnce(error.message);
    return openOwn(place, serve);
  }
}

function warnOnce(reason: string): void {
  if (warned) return;
  warned = true;
  log.warn(
    `this process opens its addresses for itself, since the supervisor's sockets can't be used (${reason}): connections that come while it leaves may be lost`,
  );
}

/** A socket of Bun's own beside those of the other children. */
function openOwn(place: InheritedPlace, serve: OpenServer): Listener {
  // Nobody accepts on the inherited one: the kernel must send nothing there. It listens no more, in any process.
  libc().shutdown(place.fd, SHUT_RDWR);
  closeSockets([place.fd]);
  const { hostname, port } = place;
  const server = serve({ hostname, port, reusePort: true });
  // Connections that were accepted from there get the filter too: to them no SYN comes.
  return { place, server, release: () => stopNewConnections(fdsBoundTo(new Set([port]))) };
}
