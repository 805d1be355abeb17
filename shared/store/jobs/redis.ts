import { RedisCommander } from "../redis_commander.ts";
import { isReply, redisError } from "../redis_connection.ts";
import { StoreError } from "../store_error.ts";
import { EnqueueGroups } from "./enqueue_groups.ts";
import { HeldLeases } from "./held_leases.ts";
import type { Claim, DeadJob, NewJob, QueueCounts, Settlement } from "./job.ts";
import type { JobStore, LeaseKeeper } from "./job_store.ts";
import { readDead, readEntries, type StreamEntry, writeEntries } from "./redis_entry.ts";
import { GROUP, keysOf } from "./redis_keys.ts";
import { RedisReader } from "./redis_reader.ts";
import { runScript, type ScriptName } from "./redis_scripts.ts";

/** A consumer that holds nothing and asked for nothing this long belongs to no living worker. */
const CONSUMER_AGE_MS = 3_600_000;
const SETTLEMENTS_A_SCRIPT = 500;

/** Jobs in Redis Streams. Every process talks to Redis itself: waiting for the network blocks nobody. */
export class RedisJobStore implements JobStore {
  readonly #url: string;
  readonly #commander: RedisCommander;
  readonly #groups: EnqueueGroups;
  readonly #readers = new Map<string, RedisReader>();
  readonly #held = new HeldLeases();
  #closed = false;

  constructor(url: string) {
    this.#url = url;
    this.#commander = new RedisCommander(url);
    this.#groups = new EnqueueGroups((jobs) => this.#enqueueGroup(jobs));
  }

  async enqueue(jobs: readonly NewJob[]): Promise<void> {
    if (jobs.length > 0) await this.#groups.add(jobs);
  }

  async claim(
    queue: string,
    owner: string,
    max: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<Claim> {
    if (this.#closed) throw new StoreError("the store is closed", false);
    if (signal.aborted) return { jobs: [], broken: [] };
    const reader = this.#reader(queue, owner);
    try {
      if (this.#held.inDoubt(queue, owner)) {
        const lost = this.#held.missing(readEntries(queue, await reader.readOwn()));
        this.#held.clear(queue, owner);
        if (lost.jobs.length + lost.broken.length > 0) return this.#held.take(lost);
      }
      return this.#held.take(readEntries(queue, await reader.read(max, waitMs, signal)));
    } catch (error) {
      if (isReply(error) && /^(NOGROUP|UNBLOCKED)/.test(error.message)) {
        await this.#makeGroup(queue);
        return this.claim(queue, owner, max, waitMs, signal);
      }
      // Entries may be ours without our having seen them: the next claim looks.
      this.#held.doubt(queue, owner);
      throw redisError(this.#url, error);
    }
  }

  async settle(owner: string, settlements: readonly Settlement[]): Promise<boolean[]> {
    const applied = new Array<boolean>(settlements.length).fill(false);
    const byQueue = Map.groupBy(settlements.keys(), (i) => settlements[i]?.queue ?? "");
    await Promise.all(
      [...byQueue].map(async ([queue, indexes]) => {
        for (let at = 0; at < indexes.length; at += SETTLEMENTS_A_SCRIPT) {
          const part = indexes.slice(at, at + SETTLEMENTS_A_SCRIPT);
          const digits = await this.#settleQueue(
            queue,
            owner,
            part.flatMap((i) => settlements[i] ?? []),
          );
          part.forEach((i, k) => {
            applied[i] = digits[k] === "1";
          });
        }
      }),
    );
    this.#held.drop(settlements);
    return applied;
  }

  readonly leases: LeaseKeeper = {
    renew: async (queues, owners) => {
      await Promise.all(queues.map((queue) => this.#script("renew", [keysOf(queue).stream], owners)));
    },
    release: (queues, owner) =>
      this.#sum(queues, ({ stream, dead }) => this.#script("release", [stream, dead], [owner])),
    reclaim: (queues, leaseMs) =>
      this.#sum(queues, ({ stream, dead }) =>
        this.#script("reclaim", [stream, dead], [leaseMs, CONSUMER_AGE_MS]),
      ),
    promote: async (queues, maxMs) => {
      const waits = await Promise.all(
        queues.map(async (queue) => {
          const { stream, delayed } = keysOf(queue);
          return Number(await this.#script("promote", [stream, delayed], []));
        }),
      );
      return Math.min(maxMs, ...waits.filter((waitMs) => waitMs >= 0));
    },
  };

  counts(queues: readonly string[]): Promise<QueueCounts[]> {
    return Promise.all(
      queues.map(async (queue) => {
        const keys = keysOf(queue);
        const reply = await this.#script("counts", [keys.stream, keys.delayed, keys.dead], []);
        const [waiting = 0, delayed = 0, running = 0, dead = 0, oldestMs = 0] = reply as number[];
        return { queue, waiting, delayed, running, dead, oldestMs };
      }),
    );
  }

  async dead(queue: string, max: number): Promise<DeadJob[]> {
    const reply = await this.#commander.run((redis) =>
      redis.xrevrange(keysOf(queue).dead, "+", "-", "COUNT", max),
    );
    return (reply as StreamEntry[]).map((entry) => readDead(queue, entry));
  }

  async replay(queue: string, ids: readonly string[] = []): Promise<number> {
    const { stream, dead } = keysOf(queue);
    let [total, from, end] = [0, "-", "+"];
    do {
      const reply = await this.#script("replay", [stream, dead], [from, end, ...ids]);
      const [moved, next, last] = reply as [number, string, string];
      total += moved;
      [from, end] = [next, last];
    } while (from);
    return total;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const reader of this.#readers.values()) reader.close();
    this.#commander.close();
  }

  /** Repeated when the connection is lost on the way: rather a job twice than an error for the user. */
  #enqueueGroup(jobs: readonly NewJob[]): Promise<unknown> {
    const { keys, args } = writeEntries(jobs);
    return this.#commander.run((redis) => runScript(redis, "enqueue", keys, args), { repeat: true });
  }

  #reader(queue: string, owner: string): RedisReader {
    const name = `${queue} ${owner}`;
    let reader = this.#readers.get(name);
    if (!reader) {
      const unblock = (id: number) => this.#commander.run((redis) => redis.client("UNBLOCK", id));
      reader = new RedisReader(this.#url, keysOf(queue).stream, owner, unblock);
      this.#readers.set(name, reader);
    }
    return reader;
  }

  /** From the first entry on: also after a FLUSHALL or a fail-over that lost the group. */
  async #makeGroup(queue: string): Promise<void> {
    await this.#commander
      .run((redis) => redis.xgroup("CREATE", keysOf(queue).stream, GROUP, "0", "MKSTREAM"))
      .catch((error: unknown) => {
        if (!String(error).includes("BUSYGROUP")) throw error;
      });
  }

  async #settleQueue(queue: string, owner: string, settlements: readonly Settlement[]): Promise<string> {
    const { stream, delayed, dead } = keysOf(queue);
    const args = settlements.flatMap(({ fence, outcome }) => {
      if (outcome.kind === "retry") return [fence, "retry", Math.max(0, Math.round(outcome.delayMs)), ""];
      if (outcome.kind === "dead") return [fence, "dead", outcome.reason, outcome.error];
      return [fence, outcome.kind, "", ""];
    });
    return String(await this.#script("settle", [stream, delayed, dead], [owner, ...args]));
  }

  async #sum(
    queues: readonly string[],
    count: (keys: ReturnType<typeof keysOf>) => Promise<unknown>,
  ): Promise<number> {
    const counts = await Promise.all(queues.map((queue) => count(keysOf(queue))));
    return counts.reduce<number>((sum, n) => sum + Number(n), 0);
  }

  #script(name: ScriptName, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.#commander.run((redis) => runScript(redis, name, keys, args));
  }
}
