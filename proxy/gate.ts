import { readdirSync, readFileSync } from "node:fs";

/** Descriptors kept free for connections to servers and for files. */
const SPARE = 64;
/** So many of them are for connections to servers. */
const SPARE_FOR_SERVERS = 48;
/** The door opens again when this share of its places is free, so that it does not flap. */
const REOPEN_SHARE = 0.02;

export interface GateLimits {
  /** Client connections at most; 0: as descriptors allow. */
  clientsMax: number;
  /** Descriptors that our connections may take. */
  descriptorsMax: number;
}

/**
 * Whether we accept: not beyond what we could serve. At the cap the listeners stop accepting and the kernel's queue
 * holds who comes; nobody is reset.
 */
export class Gate {
  clients = 0;
  upstreams = 0;
  #limits: GateLimits = { clientsMax: 0, descriptorsMax: Number.POSITIVE_INFINITY };
  open = true;
  readonly #changed: (open: boolean) => void;
  readonly #roomAgain: () => void;
  /** A connection to a server was not made for want of a descriptor. */
  #wanted = false;

  /** `changed`: it has opened or shut. `roomAgain`: after hasRoom() has said no. */
  constructor(changed: (open: boolean) => void, roomAgain: () => void) {
    this.#changed = changed;
    this.#roomAgain = roomAgain;
  }

  /** Whether a connection to a server can be made. */
  hasRoom(): boolean {
    if (this.clients + this.upstreams < this.#limits.descriptorsMax + SPARE_FOR_SERVERS) return true;
    this.#wanted = true;
    return false;
  }

  adopt(limits: GateLimits): void {
    this.#limits = limits;
    this.#check();
  }

  clientCame(): void {
    this.clients++;
    if (this.open && this.#full(0)) this.#turn(false);
  }

  clientLeft(): void {
    this.clients--;
    this.#left();
  }

  upstreamCame(): void {
    this.upstreams++;
    if (this.open && this.#full(0)) this.#turn(false);
  }

  upstreamLeft(): void {
    this.upstreams--;
    this.#left();
  }

  #left(): void {
    if (!this.open) this.#check();
    if (!this.#wanted) return;
    this.#wanted = false;
    this.#roomAgain();
  }

  #check(): void {
    if (this.open === this.#full(this.open ? 0 : REOPEN_SHARE)) this.#turn(!this.open);
  }

  #full(share: number): boolean {
    const { clientsMax, descriptorsMax } = this.#limits;
    const free = 1 - share;
    return (
      (clientsMax > 0 && this.clients >= Math.max(1, Math.floor(clientsMax * free))) ||
      this.clients + this.upstreams >= descriptorsMax * free
    );
  }

  #turn(open: boolean): void {
    this.open = open;
    this.#changed(open);
  }
}

/** How many connections this process can have: its limit of open files, less those that are open and some to spare. */
export function descriptorsFree(): number {
  const limit = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  if (limit === undefined || limit === "unlimited") return Number.POSITIVE_INFINITY;
  return Math.max(1, Number(limit) - readdirSync("/proc/self/fd").length - SPARE);
}
