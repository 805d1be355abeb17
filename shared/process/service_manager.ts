/**
 * What systemd is told and keeps for us: sd_notify(3), and its store of descriptors (FileDescriptorStoreMax in
 * systemd.service(5)), in which listening sockets outlive a restart. Without $NOTIFY_SOCKET nothing is told.
 */
import { log } from "../log.ts";
import { Message } from "./fd_channel.ts";
import type { LegacyListener } from "./legacy.ts";
import { addressOf, errno, libc } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const CLOCK_MONOTONIC = 1;
const EAGAIN = 11;
const AGAIN_MS = 20;
const WAITING_MAX = 100;
const PATH_BYTES_MAX = 107;

/** One datagram. */
interface Note {
  text: string;
  fds: readonly number[];
}

export class ServiceManager {
  /** A service that is silent this long is killed; 0: nobody watches. */
  readonly watchdogMs: number;
  /** Listening sockets given to hold() stay open while this service is started again. */
  readonly keepsSockets: boolean;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #address: Uint8Array | undefined;
  readonly #waiting: Note[] = [];
  #socket = -1;
  #held = new Map<string, string>();
  #status = "";

  private constructor(environment: Record<string, string>, watchdogMs: number) {
    const name = environment["NOTIFY_SOCKET"];
    this.#environment = environment;
    this.#address = name ? encodeUnix(name) : undefined;
    this.watchdogMs = this.#address ? watchdogMs : 0;
    this.keepsSockets = this.#address !== undefined && Number(environment["FDSTORE"]) > 0;
  }

  /** Reads it from an environment, and takes it out of there: neither children nor a user's app shall speak for us. */
  static take(env: Record<string, string | undefined> = process.env, pid = process.pid): ServiceManager {
    const kept: Record<string, string> = {};
    for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "FDSTORE"]) {
      const value = env[name];
      if (value !== undefined) kept[name] = value;
      delete env[name];
    }
    const watched = env["WATCHDOG_PID"];
    delete env["WATCHDOG_PID"];
    const ours = watched === undefined || Number(watched) === pid;
    return new ServiceManager(kept, ours ? Math.floor(Number(kept["WATCHDOG_USEC"] ?? 0) / 1000) : 0);
  }

  /** What a successor needs to speak in our place. */
  get environment(): Readonly<Record<string, string>> {
    return this.#environment;
  }

  ready(): void {
    this.#tell("READY=1");
  }

  /** Until ready(). systemd from 253 wants the time of it (Type=notify-reload). */
  reloading(): void {
    this.#tell(`RELOADING=1\nMONOTONIC_USEC=${monotonicMicroseconds()}`);
  }

  stopping(): void {
    this.#tell("STOPPING=1");
  }

  /** One line for `systemctl status`. */
  status(line: string): void {
    if (line === this.#status) return;
    this.#status = line;
    this.#tell(`STATUS=${line.replaceAll("\n", " ")}`);
  }

  alive(): void {
    if (this.watchdogMs > 0) this.#tell("WATCHDOG=1");
  }

  /** Starting or stopping takes at least so much longer, whatever the unit says. */
  extend(ms: number): void {
    this.#tell(`EXTEND_TIMEOUT_USEC=${ms * 1000}`);
  }

  /** Another process is the service from now on. */
  mainPid(pid: number): void {
    this.#tell(`MAINPID=${pid}`);
  }

  /** systemd keeps these sockets, and no others that hold() gave it before. */
  hold(listeners: readonly LegacyListener[]): void {
    if (!this.keepsSockets) return;
    const wanted = new Map(listeners.map(({ address, fds }) => [address, fds.join()]));
    for (const address of this.#held.keys()) if (!wanted.has(address)) this.#forget(address);
    for (const { address, fds } of listeners) {
      if (this.#held.get(address) !== wanted.get(address))
        this.#send({ text: `FDSTORE=1\nFDNAME=${encodeURIComponent(address)}`, fds });
    }
    this.#held = wanted;
  }

  /** What systemd kept for us; hold() forgets what it is not given again. */
  holds(addresses: readonly string[]): void {
    for (const address of addresses) this.#held.set(address, "");
  }

  #forget(address: string): void {
    this.#tell(`FDSTOREREMOVE=1\nFDNAME=${encodeURIComponent(address)}`);
  }

  #tell(text: string): void {
    this.#send({ text, fds: [] });
  }

  #send(note: Note): void {
    if (!this.#address) return;
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(note);
    if (this.#waiting.length === 1) this.#flush();
  }

  /** In order. A full queue of systemd's is tried again; it must not hold us up. */
  #flush(): void {
    for (let note = this.#waiting[0]; note; note = this.#waiting[0]) {
      const error = this.#datagram(note);
      if (error === EAGAIN) {
        setTimeout(() => this.#flush(), AGAIN_MS);
        return;
      }
      if (error !== 0) log.warn({ error }, "systemd could not be told how we are: see NOTIFY_SOCKET");
      this.#waiting.shift();
    }
  }

  /** 0, or the system's error. */
  #datagram({ text, fds }: Note): number {
    if (this.#socket < 0) this.#socket = libc().socket(AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
    const message = new Message(fds, new TextEncoder().encode(text), this.#address);
    return libc().sendmsg(this.#socket, message.address, 0) < 0 ? errno() : 0;
  }
}

/** struct sockaddr_un; "@" stands for the zero byte of an abstract name (unix(7)). undefined when it is none of both. */
export function encodeUnix(name: string): Uint8Array | undefined {
  const path = new TextEncoder().encode(name);
  if (!/^[@/]./.test(name) || path.length > PATH_BYTES_MAX) return undefined;
  const bytes = new Uint8Array(2 + path.length + (name.startsWith("/") ? 1 : 0));
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(path, 2);
  if (name.startsWith("@")) bytes[2] = 0;
  return bytes;
}

function monotonicMicroseconds(): bigint {
  const time = new BigInt64Array(2);
  libc().clock_gettime(CLOCK_MONOTONIC, addressOf(time));
  const [seconds = 0n, nanoseconds = 0n] = time;
  return seconds * 1_000_000n + nanoseconds / 1000n;
}
