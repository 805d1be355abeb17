import type { RedisCommander } from "../redis_commander.ts";
import { isReply } from "../redis_connection.ts";
import type { ClaimedJob } from "./job.ts";
import {
  type JobDesk,
  KILLED,
  KILLED_ERROR,
  type LivingFilter,
  type LivingJob,
  type LivingState,
} from "./job_desk.ts";
import { redisNowMs } from "./redis_clock.ts";
import { readEntries, readPacked, type StreamEntry } from "./redis_entry.ts";
import { GROUP, type RedisKeys } from "./redis_keys.ts";
import { runScript } from "./redis_scripts.ts";

/** Redis does nothing else while it reads a page. */
const PAGE = 500;
const KILL_PASSES = 5;

/** A job, and where it is: a lane and an id in its stream, or a sorted set and a member of it. */
interface Placed {
  job: LivingJob;
  place: string;
  id: string;
}

/**
 * What operators do with single jobs in Redis. Nothing finds a job by its id there, so the queue is read page by page:
 * the streams, the delayed ones, those that a limit holds back.
 */
export class RedisDesk implements JobDesk {
  readonly #commander: RedisCommander;
  readonly #keys: RedisKeys;

  constructor(commander: RedisCommander, keys: RedisKeys) {
    this.#commander = commander;
    this.#keys = keys;
  }

  async queues(): Promise<string[]> {
    return (await this.#commander.run((redis) => redis.smembers(this.#keys.queues))).toSorted();
  }

  async find(queue: string, filter: LivingFilter, max: number): Promise<LivingJob[]> {
    const found: LivingJob[] = [];
    for await (const { job } of this.#walk(queue, filter)) {
      if (found.length >= max) break;
      found.push(job);
    }
    return found;
  }

  async kill(queue: string, ids: readonly string[]): Promise<string[]> {
    const killed = new Set<string>();
    // One that is killed may let another go, which is elsewhere then.
    for (let pass = 0; pass < KILL_PASSES; pass++) {
      const left = ids.filter((id) => !killed.has(id));
      const placed = left.length > 0 ? await this.#place(queue, { ids: left }) : [];
      const args = placed.flatMap(({ place, id }) => [place, id]);
      const done = await this.#done(placed, "kill", queue, [KILLED, KILLED_ERROR, ...args]);
      for (const id of done) killed.add(id);
      if (done.length === placed.length) break;
    }
    return [...killed];
  }

  async hurry(queue: string, ids: readonly string[]): Promise<string[]> {
    const placed = await this.#place(queue, { ids, state: "delayed" });
    const members = placed.map(({ id }) => id);
    return this.#done(placed, "hurry", queue, members);
  }

  async #done(
    placed: readonly Placed[],
    script: "kill" | "hurry",
    queue: string,
    args: readonly string[],
  ): Promise<string[]> {
    if (placed.length === 0) return [];
    const digits = String(
      await this.#commander.run((redis) => runScript(redis, script, this.#keys.base(queue), args)),
    );
    return placed.flatMap(({ job }, i) => (digits[i] === "1" ? [job.id] : []));
  }

  async #place(queue: string, filter: LivingFilter & { ids: readonly string[] }): Promise<Placed[]> {
    const placed: Placed[] = [];
    const missing = new Set(filter.ids);
    for await (const found of this.#walk(queue, filter)) {
      placed.push(found);
      missing.delete(found.job.id);
      if (missing.size === 0) break;
    }
    return placed;
  }

  async *#walk(queue: string, { ids, type, state }: LivingFilter): AsyncGenerator<Placed> {
    const wanted = ids && new Set(ids);
    const matches = ({ job }: Placed) =>
      (wanted === undefined || wanted.has(job.id)) &&
      (type === undefined || job.type === type) &&
      (state === undefined || job.state === state);
    if (state !== "delayed") yield* filtered(this.#streams(queue), matches);
    if (state !== "running") yield* filtered(this.#sorted(queue, "d"), matches);
    if (state === undefined || state === "waiting") {
      for (const place of await this.#held(queue)) yield* filtered(this.#sorted(queue, place), matches);
    }
  }

  async *#streams(queue: string): AsyncGenerator<Placed> {
    for (const [lane, stream] of this.#keys.allStreams(queue).entries()) {
      const leased = await this.#leased(stream);
      for (let from = "-"; ; ) {
        const page: StreamEntry[] = await this.#commander.run((redis) =>
          redis.xrange(stream, from, "+", "COUNT", PAGE),
        );
        for (const entry of page) {
          const [job] = readEntries(queue, lane, [entry], false).jobs;
          const [id] = entry;
          const state = leased.has(id) ? "running" : "waiting";
          if (job) yield { job: living(job, state, job.runAtMs), place: String(lane), id };
        }
        const last = page[PAGE - 1];
        if (!last) break;
        from = `(${last[0]}`;
      }
    }
  }

  async *#sorted(queue: string, place: string): AsyncGenerator<Placed> {
    const key = this.#keys.base(queue) + place;
    const nowMs = place === "d" ? await redisNowMs(this.#commander) : 0;
    for (let at = 0; ; at += PAGE) {
      const reply: unknown = await this.#commander.run((redis) =>
        redis.call("ZRANGE", [key, at, at + PAGE - 1, "WITHSCORES"]),
      );
      // Pairs or one flat list, by the version of the protocol.
      const page = (reply as unknown[]).flat().map(String);
      for (let i = 0; i < page.length; i += 2) {
        const id = page[i] ?? "";
        const job = readPacked(queue, id);
        const runAtMs = place === "d" ? Number(page[i + 1]) : 0;
        const state = runAtMs > nowMs ? "delayed" : "waiting";
        if (job) yield { job: living(job, state, runAtMs), place, id };
      }
      if (page.length < 2 * PAGE) break;
    }
  }

  /** Ids of a stream's entries that are in a worker's hands. */
  async #leased(stream: string): Promise<Set<string>> {
    const ids = new Set<string>();
    for (let from = "-"; ; ) {
      const page = await this.#commander.run((redis) =>
        redis.xpending(stream, GROUP, from, "+", PAGE).catch((error: unknown) => {
          // Without a group nobody has anything.
          if (isReply(error) && error.message.startsWith("NOGROUP")) return [];
          throw error;
        }),
      );
      for (const [id] of page as [string][]) ids.add(id);
      const last = page[PAGE - 1] as [string] | undefined;
      if (!last) return ids;
      from = `(${last[0]}`;
    }
  }

  /** The sorted sets of limits that hold jobs back; looked for only when there are such jobs. */
  async #held(queue: string): Promise<string[]> {
    const base = this.#keys.base(queue);
    if (Number((await this.#commander.run((redis) => redis.get(`${base}n`))) ?? 0) <= 0) return [];
    const pattern = `${base.replaceAll(/[\\*?[\]]/g, "\\$&")}w:*`;
    const keys = new Set<string>();
    let cursor = "0";
    do {
      const [next, page] = await this.#commander.run((redis) =>
        redis.scan(cursor, "MATCH", pattern, "COUNT", PAGE),
      );
      for (const key of page) keys.add(key.slice(base.length));
      cursor = next;
    } while (cursor !== "0");
    return [...keys];
  }
}

async function* filtered(
  all: AsyncGenerator<Placed>,
  matches: (placed: Placed) => boolean,
): AsyncGenerator<Placed> {
  for await (const placed of all) if (matches(placed)) yield placed;
}

function living(job: ClaimedJob, state: LivingState, runAtMs: number): LivingJob {
  const { id, queue, lane, type, payload, enqueuedAtMs, history, record } = job;
  return {
    ...{ id, queue, lane, type, state, attempts: job.attempt - 1, payload, enqueuedAtMs },
    runAtMs: runAtMs || enqueuedAtMs,
    error: history.at(-1)?.error ?? "",
    hasRecord: record !== null,
  };
}
