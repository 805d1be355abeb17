import type { Redis } from "ioredis";
import { placeOf } from "../redis_address.ts";
import { RedisCommander } from "../redis_commander.ts";
import { isReply } from "../redis_connection.ts";
import { lacksReplicas } from "../redis_replicas.ts";
import { StoreError } from "../store_error.ts";
import { EnqueueGroups } from "./enqueue_groups.ts";
import { EnqueueTokens } from "./enqueue_token.ts";
import type { NewJob } from "./job.ts";
import { enqueueArguments } from "./redis_entry.ts";
import type { RedisKeys } from "./redis_keys.ts";
import { runScript } from "./redis_scripts.ts";

/** Replicas that must have a durable job, and how long one attempt waits for them. */
const REPLICAS = 1;
const REPLICA_WAIT_MS = 1_000;
const REPEAT = { repeat: true };
const NONE: readonly [] = [];

/**
 * Writes jobs into Redis. When the connection is lost on the way, the same call is made again for some seconds; Redis
 * remembers the last call of each slot of this process, so that one whose reply was lost is not applied twice.
 */
export class RedisEnqueuer {
  readonly #url: string;
  readonly #commander: RedisCommander;
  readonly #keys: RedisKeys;
  readonly #groups = new EnqueueGroups((jobs) => this.#store(jobs));
  readonly #tokens = new EnqueueTokens();
  /** WAIT holds up its connection. */
  #durable: RedisCommander | undefined;
  /** As it was at the last durable job. */
  #hasReplicas = false;

  constructor(url: string, commander: RedisCommander, keys: RedisKeys) {
    this.#url = url;
    this.#commander = commander;
    this.#keys = keys;
  }

  /** The id of each: another one's where a unique job waits already. */
  async enqueue(jobs: readonly NewJob[]): Promise<string[]> {
    return jobs.length === 0 ? [] : this.#groups.add(jobs);
  }

  close(): void {
    this.#durable?.close();
  }

  async #store(jobs: readonly NewJob[]): Promise<string[]> {
    const ids = jobs.map(({ id }) => id);
    const [first] = jobs;
    if (first && jobs.every((job) => goesWith(job, first))) {
      for (const [place, id] of await this.#storePart(jobs, first)) ids[place] = id;
      return ids;
    }
    const parts = Map.groupBy(jobs.keys(), (i) => `${jobs[i]?.durable} ${jobs[i]?.queue}`);
    await Promise.all(
      [...parts.values()].map(async (indexes) => {
        const part = indexes.flatMap((i) => jobs[i] ?? []);
        const [one] = part;
        if (!one) return;
        for (const [place, id] of await this.#storePart(part, one)) ids[indexes[place] ?? 0] = id;
      }),
    );
    return ids;
  }

  /** Jobs of one queue; the places of those that another one stands for, with its id. */
  async #storePart(
    jobs: readonly NewJob[],
    { queue, durable }: NewJob,
  ): Promise<readonly (readonly [place: number, id: string])[]> {
    const { script, args } = enqueueArguments(jobs, Date.now());
    const reply = await this.#tokens.use(({ client, slot, number }) =>
      this.#run(script, this.#keys.base(queue), [`${client}:${slot}`, number, ...args], durable),
    );
    const [isKnown, ...others] = Array.isArray(reply) ? (reply as unknown[]) : [reply];
    if (isKnown !== 1) await this.#makeKnown(queue);
    return others.length > 0 ? pairsOf(others) : NONE;
  }

  #run(
    script: "add" | "enqueue",
    base: string,
    args: readonly (string | number)[],
    durable: boolean,
  ): Promise<unknown> {
    if (!durable) return this.#commander.run((redis) => runScript(redis, script, base, args), REPEAT);
    this.#durable ??= new RedisCommander(this.#url);
    let isTried = false;
    return this.#durable.run(async (redis) => {
      if (!isTried && !this.#hasReplicas) await mustNotLackReplicas(this.#url, redis);
      isTried = true;
      const reply = await runScript(redis, script, base, args);
      this.#hasReplicas = (await redis.wait(REPLICAS, REPLICA_WAIT_MS)) >= REPLICAS;
      if (this.#hasReplicas) return reply;
      throw new Error(
        "no replica has confirmed a durable job in time; it may be stored on the primary alone",
      );
    }, REPEAT);
  }

  /** Another slot of a cluster has the names of all queues. The mark comes last: without it, it is done again. */
  async #makeKnown(queue: string): Promise<void> {
    await this.#commander.run((redis) => redis.sadd(this.#keys.queues, queue), REPEAT);
    await this.#commander.run((redis) => redis.set(this.#keys.isKnown(queue), 1), REPEAT);
  }
}

/** Refuses before anything is stored. */
async function mustNotLackReplicas(url: string, redis: Redis): Promise<void> {
  try {
    const sections = await Promise.all([redis.info("server"), redis.info("replication")]);
    if (!lacksReplicas(sections.join(""))) return;
  } catch (error) {
    // A user who may not ask waits for WAIT.
    if (isReply(error)) return;
    throw error;
  }
  throw new StoreError(
    `Redis at ${placeOf(url)} has no replica, and a durable job needs one: connect a replica, or enqueue without durable; nothing was stored`,
    false,
  );
}

/** To the same queue, by the same connection. */
function goesWith(job: NewJob, other: NewJob): boolean {
  return job.queue === other.queue && job.durable === other.durable;
}

function pairsOf(reply: readonly unknown[]): [place: number, id: string][] {
  return reply.flatMap((place, i): [number, string][] =>
    i % 2 === 0 ? [[Number(place), String(reply[i + 1])]] : [],
  );
}
