import { RedisCommander } from "../redis_commander.ts";
import { StoreError } from "../store_error.ts";
import { writeHistory } from "./entry.ts";
import type {
  Claim,
  DeadFilter,
  DeadJob,
  Lease,
  NewJob,
  Outcome,
  QueueCounts,
  Settlement,
  WorkerEnd,
} from "./job.ts";
import type { CronKeeper, JobStore, LeaseKeeper } from "./job_store.ts";
import { type QueueRules, readRules } from "./queue_rules.ts";
import type { ProgressNote } from "./record.ts";
import { RedisClaims } from "./redis_claims.ts";
import { RedisDesk } from "./redis_desk.ts";
import { RedisEnqueuer } from "./redis_enqueuer.ts";
import { fenceId, isMarked, matches, readDead, type StreamEntry } from "./redis_entry.ts";
import { RedisKeys } from "./redis_keys.ts";
import { CRON_DONE } from "./redis_lua_enqueue.ts";
import { RedisRecords } from "./redis_records.ts";
import { runScript, type ScriptName } from "./redis_scripts.ts";

/** A consumer that holds nothing and asked for nothing this long belongs to no living worker. */
const CONSUMER_AGE_MS = 3_600_000;
const SETTLEMENTS_A_SCRIPT = 500;
const DEAD_A_READ = 500;

/** Jobs in Redis Streams. Every process talks to Redis itself: waiting for the network blocks nobody. */
export class RedisJobStore implements JobStore {
  readonly records: RedisRecords;
  readonly desk: RedisDesk;
  readonly #commander: RedisCommander;
  readonly #enqueuer: RedisEnqueuer;
  readonly #claims: RedisClaims;
  readonly #keys: RedisKeys;
  #closed = false;

  constructor(url: string, prefix?: string) {
    const keys = new RedisKeys(prefix);
    this.#keys = keys;
    this.#commander = new RedisCommander(url);
    this.#enqueuer = new RedisEnqueuer(url, this.#commander, keys);
    this.#claims = new RedisClaims(url, this.#commander, keys);
    this.records = new RedisRecords(url, this.#commander, keys);
    this.desk = new RedisDesk(this.#commander, keys);
  }

  enqueue(jobs: readonly NewJob[]): Promise<string[]> {
    return this.#enqueuer.enqueue(jobs);
  }

  async claim(
    queue: string,
    owner: string,
    max: number,
    waitMs: number,
    signal: AbortSignal,
    alone = false,
  ): Promise<Claim> {
    if (this.#closed) throw new StoreError("the store is closed", false);
    if (signal.aborted) return { jobs: [], broken: [] };
    return this.#claims.claim(queue, owner, max, waitMs, signal, alone);
  }

  async settle(owner: string, settlements: readonly Settlement[]): Promise<boolean[]> {
    // Most ends are plain: they have a script of their own, for one lane.
    const keyOf = (item: Settlement) => `${isPlain(item) ? laneOf(item) : "*"}${item.queue}`;
    const applied = await this.#inParts(settlements, keyOf, (queue, part, [first]) =>
      isPlain(first)
        ? this.#script("ack", queue, [owner, laneOf(first), ...part.map(({ fence }) => fenceId(fence))])
        : this.#script("settle", queue, [
            owner,
            ...part.flatMap(({ fence, outcome }) => [fence, ...outcomeArguments(outcome)]),
          ]),
    );
    this.#claims.drop(settlements);
    return applied;
  }

  async holds(owner: string, leases: readonly Lease[]): Promise<boolean[]> {
    const keyOf = ({ queue }: Lease) => queue;
    const held = await this.#inParts(leases, keyOf, (queue, part) =>
      this.#script("holds", queue, [owner, ...part.map(({ fence }) => fence)]),
    );
    this.#claims.drop(leases.filter((_, i) => !held[i]));
    return held;
  }

  note(notes: readonly ProgressNote[]): Promise<boolean[]> {
    const keyOf = ({ queue }: ProgressNote) => queue;
    return this.#inParts(notes, keyOf, (queue, part) =>
      this.#script(
        "note",
        queue,
        part.flatMap(({ fence, id, progress }) => [fence, id, progress ?? ""]),
      ),
    );
  }

  readonly crons: CronKeeper = {
    last: async (name) => {
      const slot = await this.#commander.run((redis) => redis.hget(this.#keys.crons, name));
      return slot === null ? undefined : Number(slot);
    },
    done: async (name, slotMs) => {
      await this.#commander.run((redis) => redis.eval(CRON_DONE, 1, this.#keys.crons, name, slotMs));
    },
  };

  readonly leases: LeaseKeeper = {
    renew: async (queues, owners) => {
      await Promise.all(queues.map((queue) => this.#script("renew", queue, owners)));
    },
    held: (queues, owner) => this.#sum(queues, (queue) => this.#script("held", queue, [owner])),
    release: (queues, owner, end) =>
      this.#sum(queues, (queue) => this.#script("release", queue, [owner, ...endArguments(end)])),
    reclaim: async (queues, leaseMs) => {
      const freed = await this.#sum(queues, (queue) =>
        this.#script("reclaim", queue, [leaseMs, CONSUMER_AGE_MS]),
      );
      // Afterwards: a Redis whose memory is full refuses it.
      await this.#commander.run((redis) => redis.sadd(this.#keys.queues, ...queues));
      return freed;
    },
    promote: async (queues, maxMs) => {
      const waits = await Promise.all(
        queues.map(async (queue) => Number(await this.#script("promote", queue, []))),
      );
      return Math.min(maxMs, ...waits.filter((waitMs) => waitMs >= 0));
    },
  };

  counts(queues: readonly string[]): Promise<QueueCounts[]> {
    return Promise.all(
      queues.map(async (queue) => {
        const reply = await this.#script("counts", queue, []);
        const [waiting = 0, delayed = 0, running = 0, dead = 0, oldestMs = 0, alone = 0] = reply as number[];
        return { queue, waiting, delayed, running, dead, alone, oldestMs };
      }),
    );
  }

  async dead(queue: string, max: number, filter: DeadFilter = {}): Promise<DeadJob[]> {
    const found: DeadJob[] = [];
    let end = "+";
    while (found.length < max) {
      const reply = await this.#commander.run((redis) =>
        redis.xrevrange(this.#keys.dead(queue), end, "-", "COUNT", DEAD_A_READ),
      );
      const entries = reply as StreamEntry[];
      found.push(...entries.map((entry) => readDead(queue, entry)).filter((job) => matches(job, filter)));
      const last = entries[DEAD_A_READ - 1];
      if (!last) break;
      end = `(${last[0]}`;
    }
    return found.slice(0, max);
  }

  async replay(queue: string, { ids, type, reason }: DeadFilter = {}): Promise<number> {
    if (ids?.length === 0) return 0;
    let [total, from, end] = [0, "-", "+"];
    do {
      const reply = await this.#script("replay", queue, [
        from,
        end,
        type ?? "",
        reason ?? "",
        ...(ids ?? []),
      ]);
      const [moved, next, last] = reply as [number, string, string];
      total += moved;
      [from, end] = [next, last];
    } while (from);
    return total;
  }

  async rules(queue: string): Promise<QueueRules> {
    return readRules((await this.#commander.run((redis) => redis.get(this.#keys.rules(queue)))) ?? "");
  }

  async setRules(queue: string, { paused, concurrency, rate }: Partial<QueueRules>): Promise<void> {
    const pause = paused === undefined ? "" : Number(paused);
    const [jobs, perMs] = rate === undefined ? ["", ""] : [rate?.jobs ?? 0, rate?.perMs ?? 0];
    await this.#script("setRules", queue, [pause, concurrency ?? "", jobs, perMs]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#claims.close();
    this.#enqueuer.close();
    this.records.close();
    this.#commander.close();
  }

  /** Asks for items of the same key together, in scripts of a bounded size; the digits of the answers in order. */
  async #inParts<Item extends { queue: string }>(
    items: readonly Item[],
    keyOf: (item: Item) => string,
    ask: (queue: string, part: readonly Item[], first: readonly [Item]) => Promise<unknown>,
  ): Promise<boolean[]> {
    const answers = new Array<boolean>(items.length).fill(false);
    const parts = Map.groupBy(items.keys(), (i) => keyOf(items[i]!));
    await Promise.all(
      [...parts.values()].map(async (indexes) => {
        for (let at = 0; at < indexes.length; at += SETTLEMENTS_A_SCRIPT) {
          const part = indexes.slice(at, at + SETTLEMENTS_A_SCRIPT).map((i) => items[i]!);
          const [first] = part;
          const digits = first ? String(await ask(first.queue, part, [first])) : "";
          for (let k = 0; k < part.length; k++) answers[indexes[at + k]!] = digits[k] === "1";
        }
      }),
    );
    return answers;
  }

  async #sum(queues: readonly string[], count: (queue: string) => Promise<unknown>): Promise<number> {
    const counts = await Promise.all(queues.map(count));
    return counts.reduce<number>((sum, n) => sum + Number(n), 0);
  }

  #script(name: ScriptName, queue: string, args: readonly (string | number)[]): Promise<unknown> {
    return this.#commander.run((redis) => runScript(redis, name, this.#keys.base(queue), args));
  }
}

function laneOf({ fence }: Settlement): string {
  return fence[0] ?? "";
}

/** Its end is its deletion. */
function isPlain({ fence, outcome }: Settlement): boolean {
  return outcome.kind === "ack" && !isMarked(fence);
}

/** As the script "release" reads them. */
function endArguments(end: WorkerEnd): (string | number)[] {
  return end.kind === "stopped" ? [end.kind, "", ""] : [end.kind, Number(end.alone), end.how];
}

/** Kind and three more, as the script "settle" reads them. */
function outcomeArguments(outcome: Outcome): (string | number)[] {
  switch (outcome.kind) {
    case "ack":
      return ["ack", outcome.result ?? "", "", ""];
    case "retry": {
      const delayMs = Math.max(0, Math.round(outcome.delayMs));
      return ["retry", delayMs, outcome.error, writeHistory(outcome.history ?? [])];
    }
    case "defer": {
      const delayMs = Math.max(0, Math.round(outcome.delayMs));
      const kind = outcome.begun ? "defer" : "unbegin";
      return [kind, delayMs, outcome.error, writeHistory(outcome.history)];
    }
    case "dead":
      return ["dead", outcome.reason, outcome.error, writeHistory(outcome.history ?? [])];
    case "release":
    case "cancelled":
      return [outcome.kind, "", "", ""];
  }
}
