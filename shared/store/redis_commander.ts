import type { Redis } from "ioredis";
import {
  endConnection,
  isPassing,
  isReply,
  lastFaultOf,
  lastingConnection,
  redisError,
} from "./redis_connection.ts";
import { StoreError } from "./store_error.ts";

/** How long a command waits for a lost connection to come back. */
const READY_WAIT_MS = 2_000;
/** The same for an enqueue: a user's request waits for it, and Redis restarts within that. */
const READY_WAIT_PATIENT_MS = 10_000;
const REPEAT_MS = 20;
/** A command without an answer by then sits on a dead connection. */
const ANSWER_WAIT_MS = 10_000;

export interface CommandPatience {
  /** Repeat it when the connection is lost on the way: what it did may then be done twice. */
  repeat: boolean;
}

/**
 * Commands on one shared connection. While it is down nothing is queued inside the library: a command waits a bounded
 * time, and one that was on its way fails at once.
 */
export class RedisCommander {
  readonly #url: string;
  readonly #redis: Redis;
  #ready: Promise<void> | undefined;
  #closed = false;
  #connections = 0;

  constructor(url: string) {
    this.#url = url;
    this.#redis = lastingConnection(url);
    this.#redis.on("ready", () => this.#connections++);
  }

  /** How often it has connected: behind a new connection Redis may know less than it did. */
  get connections(): number {
    return this.#connections;
  }

  /** Rejects with a StoreError; after "it does not answer" the command may still be applied. */
  async run<Result>(
    ask: (redis: Redis) => Promise<Result>,
    { repeat }: CommandPatience = { repeat: false },
  ): Promise<Result> {
    const endMs = performance.now() + (repeat ? READY_WAIT_PATIENT_MS : READY_WAIT_MS);
    let refusal: Error | undefined;
    for (;;) {
      try {
        await this.#untilReady(endMs - performance.now());
        return await this.#answer(ask(this.#redis));
      } catch (error) {
        if (isReply(error)) refusal = error;
        // What Redis said tells more than that its connection was left for it.
        if (!repeat || !isPassing(error) || performance.now() > endMs)
          throw redisError(this.#url, refusal ?? error);
        await Bun.sleep(REPEAT_MS);
      }
    }
  }

  close(): void {
    this.#closed = true;
    endConnection(this.#redis);
  }

  async #answer<Result>(answer: Promise<Result>): Promise<Result> {
    const silence = Promise.withResolvers<never>();
    const late = setTimeout(() => {
      silence.reject(redisError(this.#url, new Error("it does not answer; it may still do what was asked")));
      this.#redis.disconnect(true);
    }, ANSWER_WAIT_MS);
    try {
      return await Promise.race([answer, silence.promise]);
    } finally {
      clearTimeout(late);
    }
  }

  async #untilReady(waitMs: number): Promise<void> {
    if (this.#closed) throw new StoreError("the store is closed", false);
    if (this.#redis.status === "ready") return;
    this.#ready ??= this.#connect().finally(() => {
      this.#ready = undefined;
    });
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(redisError(this.#url, lastFaultOf(this.#redis))),
      Math.max(0, waitMs),
    );
    try {
      await Promise.race([this.#ready, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when the connection is there, whoever opened it. */
  async #connect(): Promise<void> {
    const ready = new Promise<void>((resolve) => this.#redis.once("ready", resolve));
    if (this.#redis.status === "wait" || this.#redis.status === "end") {
      // It goes on trying by itself; lastFaultOf() says why it must.
      this.#redis.connect().catch(() => undefined);
    }
    await ready;
  }
}
