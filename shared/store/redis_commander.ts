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
const LOOK_MS = 1_000;

export interface CommandPatience {
  /** Repeat it when the connection is lost on the way: what it did may then be done twice. */
  repeat: boolean;
}

interface Wait {
  endsAtMs: number;
  reject(error: unknown): void;
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
  readonly #waits = new Set<Wait>();
  #looks: ReturnType<typeof setInterval> | undefined;

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
        if (this.#closed || this.#redis.status !== "ready") await this.#untilReady(endMs - performance.now());
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
    clearInterval(this.#looks);
    endConnection(this.#redis);
  }

  /** One look a second at all that waits, not a timer and a race for each command. */
  #answer<Result>(answer: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const wait: Wait = { endsAtMs: performance.now() + ANSWER_WAIT_MS, reject };
      this.#waits.add(wait);
      this.#looks ??= setInterval(() => this.#failLate(), LOOK_MS).unref();
      answer.then(
        (result) => {
          this.#waits.delete(wait);
          resolve(result);
        },
        (error: unknown) => {
          this.#waits.delete(wait);
          reject(error);
        },
      );
    });
  }

  #failLate(): void {
    const nowMs = performance.now();
    const late = [...this.#waits].filter(({ endsAtMs }) => endsAtMs < nowMs);
    for (const wait of late) {
      this.#waits.delete(wait);
      wait.reject(redisError(this.#url, new Error("it does not answer; it may still do what was asked")));
    }
    if (late.length > 0) this.#redis.disconnect(true);
    if (this.#waits.size > 0) return;
    clearInterval(this.#looks);
    this.#looks = undefined;
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
