import type { Redis } from "ioredis";
import { connectNow, isPassing, isReply, redisError, singleConnection } from "../redis_connection.ts";
import { ALONE_LANE, laneOrder } from "./lane.ts";
import { type QueueRules, readRules } from "./queue_rules.ts";
import { entriesByStream, type StreamEntry } from "./redis_entry.ts";
import { GROUP, type RedisKeys } from "./redis_keys.ts";
import { runScript } from "./redis_scripts.ts";

/** A read that has no answer this long after its wait should have ended sits on a dead connection. */
const SILENCE_MS = 3_000;
/** The same for one that was told to end. */
const ABORT_SILENCE_MS = 1_000;
/** Longer waits are several reads, so that a dead connection is noticed soon. */
const BLOCK_MAX_MS = 5_000;
/** How long reads go to one lane because the others were empty: so much longer may a job of a higher one wait. */
const SOLE_MS = 20;
/** More than one process ever holds of one lane. */
const OWN_MAX = 10_000;

/** What a read found, by number of the lane, and what held for the queue at that moment. */
export interface Found {
  rules: QueueRules;
  lanes: StreamEntry[][];
}

type TakeReply = [
  rules: string,
  high: StreamEntry[],
  normal: StreamEntry[],
  low: StreamEntry[],
  alone: StreamEntry[],
  soleLane: string,
];

/**
 * The connection on which one owner reads one queue. It is thrown away at the first fault: a read must never be
 * repeated by the library, or jobs would be leased to nobody.
 */
export class RedisReader {
  readonly #url: string;
  readonly #keys: RedisKeys;
  readonly #queue: string;
  readonly #owner: string;
  /** Of each lane by its number: those it does not read are empty. */
  readonly #streams: readonly [lane: number, stream: string][];
  /** Ends a blocked read from outside. */
  readonly #unblock: (connectionId: number) => Promise<unknown>;
  #open: Promise<{ redis: Redis; id: number }> | undefined;
  #turn = 0;
  /** All jobs were in this lane a moment ago: the order of lanes is no question until then. */
  #soleLane = 0;
  #soleUntilMs = 0;
  /** More may be waiting than the last read brought. */
  #more = true;

  constructor(
    url: string,
    keys: RedisKeys,
    queue: string,
    owner: string,
    alone: boolean,
    unblock: (connectionId: number) => Promise<unknown>,
  ) {
    this.#url = url;
    this.#keys = keys;
    this.#queue = queue;
    this.#owner = owner;
    this.#streams = alone ? [[ALONE_LANE, keys.aloneStream(queue)]] : [...keys.streams(queue).entries()];
    this.#unblock = unblock;
  }

  /**
   * New entries, about `max`; waits up to `waitMs` for the first one, or less. Full lanes are read by one script that knows
   * their order and a limit over all; when they are empty, a plain read waits on all of them.
   */
  async read(max: number, waitMs: number, signal: AbortSignal): Promise<Found> {
    if (this.#more || waitMs <= 0) {
      const found = await this.#readNow(max);
      const count = countOf(found);
      this.#more = count >= max;
      if (count > 0 || waitMs <= 0 || found.rules.paused) return found;
    }
    return this.#waitFor(max, waitMs, signal);
  }

  /** What is leased to the owner already. */
  readOwn(): Promise<Found> {
    return this.#ask((redis) => this.#readLanes(redis, ["COUNT", OWN_MAX], "0"), 0);
  }

  close(): void {
    this.#open?.then(
      ({ redis }) => redis.disconnect(),
      () => undefined,
    );
    this.#open = undefined;
  }

  async #readNow(max: number): Promise<Found> {
    if (performance.now() >= this.#soleUntilMs) return this.#take(max);
    const found = await this.#readLane(this.#soleLane, max);
    const count = countOf(found);
    if (found.rules.paused) this.#soleUntilMs = 0;
    if (found.rules.paused || count >= max) return found;
    // What else there is may have come into other lanes meanwhile.
    const { rules, lanes } = await this.#take(max - count);
    return { rules, lanes: found.lanes.map((entries, lane) => [...entries, ...(lanes[lane] ?? [])]) };
  }

  /** A plain read costs Redis half of what the script does. */
  #readLane(lane: number, max: number): Promise<Found> {
    const stream = this.#keys.streams(this.#queue)[lane] ?? "";
    return this.#ask(async (redis) => {
      const words = ["GROUP", GROUP, this.#owner, "COUNT", max, "STREAMS", stream, ">"];
      const [reply, rules] = await Promise.all([
        redis.call("XREADGROUP", words),
        redis.get(this.#keys.rules(this.#queue)),
      ]);
      const lanes: StreamEntry[][] = [[], [], []];
      lanes[lane] = entriesByStream(reply).get(stream) ?? [];
      return { rules: readRules(rules ?? ""), lanes };
    }, 0);
  }

  #take(max: number): Promise<Found> {
    const alone = this.#streams.length === 1;
    const order = alone ? String(ALONE_LANE) : laneOrder(this.#turn++).join("");
    return this.#ask(async (redis) => {
      const reply = await runScript(redis, "take", this.#keys.base(this.#queue), [this.#owner, max, order]);
      const [rules, high, normal, low, suspects, sole] = reply as TakeReply;
      this.#soleLane = Number(sole);
      this.#soleUntilMs = sole === "" ? 0 : performance.now() + SOLE_MS;
      return { rules: readRules(rules), lanes: [high, normal, low, suspects] };
    }, 0);
  }

  async #waitFor(max: number, waitMs: number, signal: AbortSignal): Promise<Found> {
    const { id } = await this.#connection();
    if (signal.aborted) return { rules: readRules(""), lanes: [] };
    // COUNT is of each stream (redis.io/commands/xreadgroup).
    const share = Math.max(1, Math.floor(max / this.#streams.length));
    const blockMs = Math.min(BLOCK_MAX_MS, Math.max(1, Math.ceil(waitMs)));
    const words = ["COUNT", share, "BLOCK", blockMs];
    const unblock = () => {
      // When it can't be told, the read ends at its own time.
      this.#unblock(id).catch(() => undefined);
    };
    signal.addEventListener("abort", unblock);
    try {
      const found = await this.#ask((redis) => this.#readLanes(redis, words, ">"), blockMs, signal);
      this.#more = found.lanes.some((entries) => entries.length >= share);
      return found;
    } finally {
      signal.removeEventListener("abort", unblock);
    }
  }

  /** The rules are asked for in the same breath, and answered after the read. */
  async #readLanes(redis: Redis, words: readonly (string | number)[], from: ">" | "0"): Promise<Found> {
    const streams = this.#streams.map(([, stream]) => stream);
    const group = ["GROUP", GROUP, this.#owner, ...words];
    const reading = redis.call("XREADGROUP", [...group, "STREAMS", ...streams, ...streams.map(() => from)]);
    const [reply, rules] = await Promise.all([reading, redis.get(this.#keys.rules(this.#queue))]);
    const found = entriesByStream(reply);
    const lanes: StreamEntry[][] = [];
    for (const [lane, stream] of this.#streams) lanes[lane] = found.get(stream) ?? [];
    return { rules: readRules(rules ?? ""), lanes: Array.from(lanes, (entries) => entries ?? []) };
  }

  async #ask(read: (redis: Redis) => Promise<Found>, waitMs: number, signal?: AbortSignal): Promise<Found> {
    const { redis } = await this.#connection();
    const silence = Promise.withResolvers<never>();
    const giveUp = () => silence.reject(redisError(this.#url, new Error("it is silent")));
    let late = setTimeout(giveUp, waitMs + SILENCE_MS);
    const hasten = () => {
      clearTimeout(late);
      late = setTimeout(giveUp, ABORT_SILENCE_MS);
    };
    signal?.addEventListener("abort", hasten);
    try {
      return await Promise.race([read(redis), silence.promise]);
    } catch (error) {
      // After a fail-over the connection may lead to a replica.
      if (!isReply(error) || isPassing(error)) this.close();
      throw error;
    } finally {
      signal?.removeEventListener("abort", hasten);
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

function countOf({ lanes }: Found): number {
  return lanes.reduce((sum, entries) => sum + entries.length, 0);
}
