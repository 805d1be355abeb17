import { type Balance, balanceOf } from "./balance/balance.ts";
import { type ClientKey, clientKeyOf } from "./balance/client_key.ts";
import { isServerFault } from "./passive.ts";
import type { BackendPlan, MemberState } from "./plan.ts";
import { Queue } from "./queue.ts";
import { RetryBudget } from "./retry_budget.ts";
import type { Server } from "./server.ts";
import { shareOf } from "./share.ts";
import { rampOf } from "./slow_start.ts";

/** Replays that are always allowed, over all processes. */
const REPLAYS_FLOOR = 100;

/** A named group of servers. Who is usable is worked out when a state changes, not a request. */
export class Backend {
  readonly name: string;
  retries = 0;
  /** Reads who the client is, where the balance goes by that. */
  clientKey: ClientKey | null = null;
  readonly queue: Queue;
  readonly budget = new RetryBudget();
  /** A server has failed, or answered well after that; `enough`: as often in a row as the plan allows. */
  onSeen: (server: Server, enough: boolean) => void = () => undefined;
  #passiveErrors = 0;
  #slowStartMs = 0;
  readonly #make: (member: MemberState) => Server;
  /** Which of many processes this is. */
  readonly #offset: number;
  #processes = 1;
  #servers: Server[] = [];
  #usable: Server[] = [];
  #balanceName = "round_robin";
  #balance: Balance;
  /** Balance.moved where the balance wants to hear of every request. */
  #watching: ((server: Server) => void) | null = null;

  constructor(name: string, make: (member: MemberState) => Server, offset: number, queue = new Queue()) {
    this.name = name;
    this.queue = queue;
    this.#make = make;
    this.#offset = offset;
    this.#balance = balanceOf(this.#balanceName, offset);
  }

  get servers(): readonly Server[] {
    return this.#servers;
  }

  get usable(): readonly Server[] {
    return this.#usable;
  }

  /** A server that has room, another one than `avoid` if there is one; undefined when none has. */
  pick(clientKey: number, avoid: Server | null): Server | undefined {
    return this.#balance.pick(clientKey, avoid);
  }

  /** A request goes to this server. */
  took(server: Server): void {
    server.active++;
    server.counters.requests.value++;
    if (this.#watching !== null) this.#watching(server);
  }

  /** A request is no longer in this server's hands. */
  finished(server: Server): void {
    server.active--;
    if (this.#watching !== null) this.#watching(server);
  }

  /** An attempt has ended without an answer. `blamed`: not for a connection that had merely grown old. */
  failed(server: Server, blamed: boolean): void {
    server.counters.failures.value++;
    if (blamed && this.#passiveErrors > 0) this.#error(server);
  }

  answered(server: Server, status: number): void {
    if (this.#passiveErrors === 0) return;
    if (isServerFault(status)) this.#error(server);
    else if (server.errorsInRow > 0) {
      server.errorsInRow = server.errorsUntold = 0;
      server.wellUntold = true;
      this.onSeen(server, false);
    }
  }

  #error(server: Server): void {
    server.errorsUntold++;
    this.onSeen(server, ++server.errorsInRow % this.#passiveErrors === 0);
  }

  /** Once a second. */
  tick(): void {
    this.budget.tick();
    if (this.#servers.some(({ weight, fullWeight }) => weight !== fullWeight)) this.#weigh();
  }

  adopt(plan: BackendPlan, processes: number): void {
    const { retries, balance, members } = plan;
    this.#passiveErrors = plan.passiveErrors;
    this.#slowStartMs = plan.slowStartMs;
    this.budget.floor = shareOf(REPLAYS_FLOOR, this.#offset, processes);
    this.#processes = processes;
    this.retries = retries;
    if (balance !== this.#balanceName) {
      this.#balanceName = balance;
      this.#balance = balanceOf(balance, this.#offset);
      this.#watching = this.#balance.moved?.bind(this.#balance) ?? null;
    }
    this.clientKey = clientKeyOf(balance);
    this.setMembers(members);
  }

  /** These members from now on: those that stay keep their connections, those that leave finish what they have. */
  setMembers(members: readonly MemberState[]): void {
    const before = this.#servers;
    this.#servers = members.map((member) => {
      const { address, state, weight, connectionsMax, recoveredAtMs } = member;
      const server = before.find((known) => known.address === address) ?? this.#make(member);
      if (server.state !== state) server.errorsInRow = server.errorsUntold = 0;
      server.state = state;
      server.fullWeight = weight;
      server.recoveredAtMs = recoveredAtMs;
      server.leadsTo(member.places ?? [address]);
      server.connectionsMax = shareOf(connectionsMax, this.#offset, this.#processes);
      return server;
    });
    for (const server of before) if (!this.#servers.includes(server)) server.state = "down";
    for (const server of before) if (server.state !== "up") server.closeIdle();
    this.#usable = this.#servers.filter(({ state }) => state === "up");
    this.#weigh();
  }

  /** No route leads here any more: its servers finish what they have and what waits for them, and are left then. */
  retire(): void {
    for (const server of this.#servers) {
      server.state = "down";
      server.closeIdle();
    }
  }

  #weigh(): void {
    const nowMs = Date.now();
    for (const server of this.#servers)
      server.weight = server.fullWeight * rampOf(server.recoveredAtMs, this.#slowStartMs, nowMs);
    this.#balance.assign(this.#usable);
  }
}
