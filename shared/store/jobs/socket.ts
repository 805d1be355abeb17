import type { Socket } from "bun";
import { FrameLink } from "../frame_link.ts";
import { StoreError } from "../store_error.ts";
import { EnqueueGroups } from "./enqueue_groups.ts";
import { EnqueueTokens } from "./enqueue_token.ts";
import { HeldLeases } from "./held_leases.ts";
import type { Claim, DeadFilter, DeadJob, Lease, NewJob, QueueCounts, Settlement } from "./job.ts";
import type { JobDesk } from "./job_desk.ts";
import type { CronKeeper, JobStore, LeaseKeeper, RecordKeeper } from "./job_store.ts";
import type { QueueRules } from "./queue_rules.ts";
import type { ProgressNote } from "./record.ts";
import type { StoreAnswers, StoreCall, StoreReply, StoreRequest } from "./store_call.ts";

const CALLS_MAX = 10_000;
/** A call that has no answer by then is given up: it may still be applied. */
const ANSWER_WAIT_MS = 10_000;
const DEADLINES_EVERY_MS = 1_000;
const RECONNECT_MS = 5;
const RECONNECT_LONGEST_MS = 500;

interface OpenCall {
  call: StoreCall;
  askedAtMs: number;
  endsAtMs: number;
  resolve(answer: unknown): void;
  reject(error: StoreError): void;
}

/**
 * Jobs in SQLite as app and worker processes see them: calls to the node's store process. When that restarts, calls
 * without an answer are sent again: enqueue has its token and settle its fences, so that a repeat changes nothing.
 */
export class SocketJobStore implements JobStore {
  readonly #path: string;
  readonly #client = crypto.randomUUID();
  readonly #held = new HeldLeases();
  readonly #tokens = new EnqueueTokens();
  readonly #groups = new EnqueueGroups((jobs) =>
    this.#tokens.use((token) => this.#call({ op: "enqueue", jobs, token })),
  );
  readonly #calls = new Map<number, OpenCall>();
  #number = 0;
  #link: FrameLink<StoreRequest, StoreReply> | undefined;
  #socket: Socket<unknown> | undefined;
  /** When anything came over the connection. */
  #heardAtMs = 0;
  #connecting = false;
  #closed = false;
  #deadlines: ReturnType<typeof setInterval> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async enqueue(jobs: readonly NewJob[]): Promise<string[]> {
    return jobs.length === 0 ? [] : this.#groups.add(jobs);
  }

  async claim(
    queue: string,
    owner: string,
    max: number,
    waitMs: number,
    signal: AbortSignal,
    alone = false,
  ): Promise<Claim> {
    if (signal.aborted) return { jobs: [], broken: [] };
    if (this.#held.inDoubt(queue, owner)) {
      const lost = this.#held.missing(await this.#call({ op: "owned", queue, owner }));
      this.#held.clear(queue, owner);
      if (lost.jobs.length + lost.broken.length > 0) return this.#held.take(lost);
    }
    try {
      return this.#held.take(
        await this.#call({ op: "claim", queue, owner, max, waitMs, alone }, waitMs, signal),
      );
    } catch (error) {
      // Its answer may have been lost on the way: the next claim asks what we hold.
      this.#held.doubt(queue, owner);
      throw error;
    }
  }

  async settle(owner: string, settlements: readonly Settlement[]): Promise<boolean[]> {
    const applied = await this.#call({ op: "settle", owner, settlements });
    this.#held.drop(settlements);
    return applied;
  }

  async holds(owner: string, leases: readonly Lease[]): Promise<boolean[]> {
    const held = await this.#call({ op: "holds", owner, leases });
    this.#held.drop(leases.filter((_, i) => !held[i]));
    return held;
  }

  note(notes: readonly ProgressNote[]): Promise<boolean[]> {
    return this.#call({ op: "note", notes });
  }

  readonly records: RecordKeeper = {
    get: async (id, queue) => (await this.#call({ op: "get", id, queue: queue ?? null })) ?? undefined,
    wait: async (id, waitMs, signal) =>
      (await this.#call({ op: "await", id, waitMs: signal.aborted ? 0 : waitMs }, waitMs, signal)) ??
      undefined,
    cancel: (id) => this.#call({ op: "cancel", id }),
  };

  readonly crons: CronKeeper = {
    last: async (name) => (await this.#call({ op: "cronLast", name })) ?? undefined,
    done: async (name, slotMs) => void (await this.#call({ op: "cronDone", name, slotMs })),
  };

  readonly leases: LeaseKeeper = {
    renew: async (queues, owners, leaseMs) =>
      void (await this.#call({ op: "renew", queues, owners, leaseMs })),
    held: (queues, owner) => this.#call({ op: "held", queues, owner }),
    release: (queues, owner, end) => this.#call({ op: "release", queues, owner, end }),
    reclaim: (queues, leaseMs) => this.#call({ op: "reclaim", queues, leaseMs }),
    promote: (queues, maxMs) => this.#call({ op: "promote", queues, maxMs }),
  };

  readonly desk: JobDesk = {
    queues: () => this.#call({ op: "queues" }),
    find: (queue, filter, max) => this.#call({ op: "find", queue, filter, max }),
    kill: (queue, ids) => this.#call({ op: "kill", queue, ids }),
    hurry: (queue, ids) => this.#call({ op: "hurry", queue, ids }),
  };

  counts(queues: readonly string[]): Promise<QueueCounts[]> {
    return this.#call({ op: "counts", queues });
  }

  dead(queue: string, max: number, filter: DeadFilter = {}): Promise<DeadJob[]> {
    return this.#call({ op: "dead", queue, max, filter });
  }

  replay(queue: string, filter: DeadFilter = {}): Promise<number> {
    return this.#call({ op: "replay", queue, filter });
  }

  rules(queue: string): Promise<QueueRules> {
    return this.#call({ op: "rules", queue });
  }

  async setRules(queue: string, rules: Partial<QueueRules>): Promise<void> {
    await this.#call({ op: "setRules", queue, rules });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#deadlines);
    this.#socket?.end();
    this.#fail(() => true, "the store is closed", false);
  }

  #call<Op extends StoreCall["op"]>(
    call: Extract<StoreCall, { op: Op }>,
    extraMs = 0,
    signal?: AbortSignal,
  ): Promise<StoreAnswers[Op]> {
    if (this.#closed) return Promise.reject(new StoreError("the store is closed", false));
    if (this.#calls.size >= CALLS_MAX) {
      return Promise.reject(new StoreError(`${CALLS_MAX} calls wait for the store process`, true));
    }
    const number = ++this.#number;
    const abort = () => this.#link?.send({ kind: "abort", number });
    const answer = new Promise<StoreAnswers[Op]>((resolve, reject) => {
      const askedAtMs = performance.now();
      const endsAtMs = askedAtMs + ANSWER_WAIT_MS + extraMs;
      const open = { call, askedAtMs, endsAtMs, resolve: resolve as (answer: unknown) => void, reject };
      this.#calls.set(number, open);
    });
    this.#deadlines ??= setInterval(() => this.#failLate(), DEADLINES_EVERY_MS);
    if (this.#link) this.#link.send({ kind: "call", number, call });
    else void this.#connect();
    if (!signal) return answer;
    signal.addEventListener("abort", abort);
    return answer.finally(() => signal.removeEventListener("abort", abort));
  }

  /** Tries until there is a connection or nobody waits for one. */
  async #connect(): Promise<void> {
    if (this.#connecting) return;
    this.#connecting = true;
    for (let attempt = 0; this.#calls.size > 0 && !this.#closed && !this.#link; attempt++) {
      try {
        await this.#open();
      } catch {
        // Not there or starting: what waits has its own deadline.
        await Bun.sleep(Math.min(RECONNECT_LONGEST_MS, RECONNECT_MS * 2 ** attempt));
      }
    }
    this.#connecting = false;
  }

  async #open(): Promise<void> {
    this.#socket = await Bun.connect<unknown>({
      unix: this.#path,
      socket: {
        open: (socket) => this.#opened(socket),
        data: (_socket, chunk) => {
          this.#heardAtMs = performance.now();
          this.#link?.take(chunk);
        },
        drain: () => this.#link?.drained(),
        close: () => this.#lost(),
        error: () => undefined,
      },
    });
  }

  #opened(socket: Socket<unknown>): void {
    this.#link = new FrameLink(socket, (reply: StoreReply) => this.#hear(reply));
    this.#link.send({ kind: "hello", client: this.#client });
    for (const [number, { call }] of this.#calls) this.#link.send({ kind: "call", number, call });
  }

  #lost(): void {
    this.#link = undefined;
    // A claim must not be repeated blindly: the first one may have leased jobs to us.
    this.#fail(({ call }) => call.op === "claim", "the connection to the store process was lost", true);
    void this.#connect();
  }

  #hear(reply: StoreReply): void {
    const open = this.#calls.get(reply.number);
    if (!open) return;
    this.#calls.delete(reply.number);
    if ("answer" in reply) open.resolve(reply.answer);
    else open.reject(new StoreError(reply.sentence, reply.retryable));
  }

  #failLate(): void {
    const nowMs = performance.now();
    const silent = ({ askedAtMs, endsAtMs }: OpenCall) => endsAtMs < nowMs && askedAtMs > this.#heardAtMs;
    // What user code has written into it may have the store wait for the rest of a frame that never comes.
    if (this.#calls.values().some(silent)) this.#socket?.terminate();
    this.#fail(
      ({ endsAtMs }) => endsAtMs < nowMs,
      "the store process does not answer; it may still do what was asked",
      true,
    );
    if (this.#calls.size > 0) return;
    clearInterval(this.#deadlines);
    this.#deadlines = undefined;
  }

  #fail(which: (open: OpenCall) => boolean, sentence: string, retryable: boolean): void {
    for (const [number, open] of this.#calls) {
      if (!which(open)) continue;
      this.#calls.delete(number);
      // A claim nobody waits for must not lease jobs later.
      if (open.call.op === "claim") this.#link?.send({ kind: "abort", number });
      open.reject(new StoreError(sentence, retryable));
    }
  }
}
