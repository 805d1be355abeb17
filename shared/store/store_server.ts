import { chmodSync, unlinkSync } from "node:fs";
import type { Socket, UnixSocketListener } from "bun";
import { log } from "../log.ts";
import { sentenceOf } from "../user_error.ts";
import { FrameLink } from "./frame_link.ts";
import type { EnqueueToken } from "./jobs/enqueue_token.ts";
import type { Claim, NewJob } from "./jobs/job.ts";
import type { JobStore } from "./jobs/job_store.ts";
import type { StoreAnswers, StoreCall, StoreReply } from "./jobs/store_call.ts";
import { StoreError } from "./store_error.ts";
import { readStoreRequest } from "./store_request.ts";

/** Twice what a client of ours has on its way at most. */
const CALLS_MAX = 20_000;

/** A store for clients that lose answers: it tells a repeated enqueue by its token, and says what an owner holds. */
export type ServedStore = JobStore & {
  enqueue(jobs: readonly NewJob[], token?: EnqueueToken): Promise<string[]>;
  owned(queue: string, owner: string): Promise<Claim>;
};

interface Connection {
  link: FrameLink<StoreReply, unknown>;
  client: string;
  /** Calls without an answer yet. */
  calls: number;
  waits: Map<number, AbortController>;
}

/** Answers the calls of this node's processes on a unix socket, for a store that only one process should touch. */
export class StoreServer {
  readonly #store: ServedStore;
  readonly #connections = new Map<Socket<unknown>, Connection>();
  #listener: UnixSocketListener<unknown> | undefined;

  constructor(store: ServedStore) {
    this.#store = store;
  }

  /** Only this user and its group may connect. Throws when the socket can't be made. */
  listen(path: string): void {
    unlinkIfThere(path);
    const mask = process.umask(0o117);
    try {
      this.#listener = Bun.listen<unknown>({
        unix: path,
        socket: {
          open: (socket) => this.#open(socket),
          data: (socket, chunk) => this.#data(socket, chunk),
          drain: (socket) => this.#connections.get(socket)?.link.drained(),
          close: (socket) => this.#close(socket),
          error: (_socket, error) => log.warn({ err: error }, "a connection to the store failed"),
        },
      });
    } finally {
      process.umask(mask);
    }
    chmodSync(path, 0o660);
  }

  /** Ends the waits and the connections, then closes the store, which finishes its writes. */
  async close(): Promise<void> {
    this.#listener?.stop();
    for (const connection of this.#connections.values()) abortWaits(connection);
    await this.#store.close();
    for (const socket of this.#connections.keys()) socket.end();
  }

  #open(socket: Socket<unknown>): void {
    const connection: Connection = {
      link: new FrameLink<StoreReply, unknown>(socket, (request) => this.#hear(connection, request)),
      client: "",
      calls: 0,
      waits: new Map(),
    };
    this.#connections.set(socket, connection);
  }

  #data(socket: Socket<unknown>, chunk: Uint8Array): void {
    try {
      this.#connections.get(socket)?.link.take(chunk);
    } catch (error) {
      log.warn({ err: error }, "the store heard something that is no call");
      socket.terminate();
    }
  }

  #close(socket: Socket<unknown>): void {
    const connection = this.#connections.get(socket);
    if (connection) abortWaits(connection);
    this.#connections.delete(socket);
  }

  /** Throws a RangeError when it is no request, or one too many. */
  #hear(connection: Connection, said: unknown): void {
    const request = readStoreRequest(said);
    if (!request) throw new RangeError("what came is no request");
    if (request.kind === "call" && connection.calls >= CALLS_MAX) {
      throw new RangeError(`more than ${CALLS_MAX} calls at once`);
    }
    switch (request.kind) {
      case "hello":
        for (const other of this.#connections.values())
          if (other.client === request.client) abortWaits(other);
        connection.client = request.client;
        return;
      case "abort":
        connection.waits.get(request.number)?.abort();
        return;
      case "call":
        void this.#answer(connection, request.number, request.call);
        return;
    }
  }

  async #answer(connection: Connection, number: number, call: StoreCall): Promise<void> {
    connection.calls++;
    try {
      connection.link.send({ number, answer: await this.#run(connection, number, call) });
    } catch (error) {
      const retryable = error instanceof StoreError && error.retryable;
      if (!(error instanceof StoreError)) log.error({ err: error }, `the store could not ${call.op}`);
      connection.link.send({ number, sentence: sentenceOf(error), retryable });
    } finally {
      connection.calls--;
    }
  }

  async #run(
    connection: Connection,
    number: number,
    call: StoreCall,
  ): Promise<StoreAnswers[StoreCall["op"]]> {
    const store = this.#store;
    switch (call.op) {
      case "enqueue":
        return store.enqueue(call.jobs, call.token);
      case "claim":
        return waiting(connection, number, (signal) =>
          store.claim(call.queue, call.owner, call.max, call.waitMs, signal, call.alone),
        );
      case "owned":
        return store.owned(call.queue, call.owner);
      case "settle":
        return store.settle(call.owner, call.settlements);
      case "holds":
        return store.holds(call.owner, call.leases);
      case "note":
        return store.note(call.notes);
      case "get":
        return (await store.records.get(call.id, call.queue ?? undefined)) ?? null;
      case "await":
        return waiting(
          connection,
          number,
          async (signal) => (await store.records.wait(call.id, call.waitMs, signal)) ?? null,
        );
      case "cancel":
        return store.records.cancel(call.id);
      case "renew":
        await store.leases.renew(call.queues, call.owners, call.leaseMs);
        return null;
      case "held":
        return store.leases.held(call.queues, call.owner);
      case "release":
        return store.leases.release(call.queues, call.owner, call.end);
      case "reclaim":
        return store.leases.reclaim(call.queues, call.leaseMs);
      case "promote":
        return store.leases.promote(call.queues, call.maxMs);
      case "counts":
        return store.counts(call.queues);
      case "dead":
        return store.dead(call.queue, call.max, call.filter);
      case "replay":
        return store.replay(call.queue, call.filter);
      case "cronLast":
        return (await store.crons.last(call.name)) ?? null;
      case "cronDone":
        await store.crons.done(call.name, call.slotMs);
        return null;
      case "queues":
        return store.desk.queues();
      case "find":
        return store.desk.find(call.queue, call.filter, call.max);
      case "kill":
        return store.desk.kill(call.queue, call.ids);
      case "hurry":
        return store.desk.hurry(call.queue, call.ids);
      case "rules":
        return store.rules(call.queue);
      case "setRules":
        await store.setRules(call.queue, call.rules);
        return null;
    }
  }
}

/** Runs a call that the client, its end or ours may abort. */
async function waiting<Result>(
  { waits }: Connection,
  number: number,
  call: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const abort = new AbortController();
  waits.set(number, abort);
  try {
    return await call(abort.signal);
  } finally {
    waits.delete(number);
  }
}

function abortWaits(connection: Connection): void {
  for (const abort of connection.waits.values()) abort.abort();
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
