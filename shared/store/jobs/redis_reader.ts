import type { Redis } from "ioredis";
import { connectNow, isReply, redisError, singleConnection } from "../redis_connection.ts";
import { entriesOf, type StreamEntry } from "./redis_entry.ts";
import { GROUP } from "./redis_keys.ts";

/** A read that has no answer this long after its wait should have ended sits on a dead connection. */
const SILENCE_MS = 5_000;
/** More than one process ever holds of one queue. */
const OWN_MAX = 10_000;

/**
 * The connection on which one owner waits for one queue. It is thrown away at the first fault: a read must never be
 * repeated by the library, or jobs would be leased to nobody.
 */
export class RedisReader {
  readonly #url: string;
  readonly #stream: string;
  readonly #owner: string;
  /** Ends a blocked read from outside. */
  readonly #unblock: (connectionId: number) => Promise<unknown>;
  #open: Promise<{ redis: Redis; id: number }> | undefined;

  constructor(
    url: string,
    stream: string,
    owner: string,
    unblock: (connectionId: number) => Promise<unknown>,
  ) {
    this.#url = url;
    this.#stream = stream;
    this.#owner = owner;
    this.#unblock = unblock;
  }

  /** New entries; waits up to `waitMs` for the first one. Ends soon, mostly empty, when aborted. */
  async read(max: number, waitMs: number, signal: AbortSignal): Promise<StreamEntry[]> {
    const { id } = await this.#connection();
    if (signal.aborted) return [];
    const block = waitMs > 0 ? ["BLOCK", Math.max(1, Math.ceil(waitMs))] : [];
    const unblock = () => {
      // When it can't be told, the read ends at its own time.
      this.#unblock(id).catch(() => undefined);
    };
    signal.addEventListener("abort", unblock);
    try {
      return await this.#ask(["COUNT", max, ...block, "STREAMS", this.#stream, ">"], waitMs);
    } finally {
      signal.removeEventListener("abort", unblock);
    }
  }

  /** What is leased to the owner already. */
  readOwn(): Promise<StreamEntry[]> {
    return this.#ask(["COUNT", OWN_MAX, "STREAMS", this.#stream, "0"], 0);
  }

  close(): void {
    this.#open?.then(
      ({ redis }) => redis.disconnect(),
      () => undefined,
    );
    this.#open = undefined;
  }

  async #ask(words: readonly (string | number)[], waitMs: number): Promise<StreamEntry[]> {
    const { redis } = await this.#connection();
    const silence = Promise.withResolvers<never>();
    const late = setTimeout(
      () => silence.reject(redisError(this.#url, new Error("it is silent"))),
      waitMs + SILENCE_MS,
    );
    try {
      const reply = redis.call("XREADGROUP", ["GROUP", GROUP, this.#owner, ...words]);
      return entriesOf(await Promise.race([reply, silence.promise]));
    } catch (error) {
      if (!isReply(error)) this.close();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  #connection(): Promise<{ redis: Redis; id: number }> {
    if (!this.#open) {
      this.#open = this.#connect();
      this.#open.catch(() => {
        this.#open = undefined;
      });
    }
    return this.#open;
  }

  async #connect(): Promise<{ redis: Redis; id: number }> {
    const redis = singleConnection(this.#url);
    try {
      await connectNow(redis);
      return { redis, id: await redis.client("ID") };
    } catch (error) {
      redis.disconnect();
      throw error;
    }
  }
}
