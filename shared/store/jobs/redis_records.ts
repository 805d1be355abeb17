import type { Redis } from "ioredis";
import type { RedisCommander } from "../redis_commander.ts";
import { endConnection, lastingConnection } from "../redis_connection.ts";
import type { RecordKeeper } from "./job_store.ts";
import { QueueWaiters } from "./queue_waiters.ts";
import { hasEnded, type JobRecord } from "./record.ts";
import { redisNowMs } from "./redis_clock.ts";
import { readRecord } from "./redis_entry.ts";
import type { RedisKeys } from "./redis_keys.ts";
import { runScript } from "./redis_scripts.ts";

/** A message may be lost with its connection: look now and then all the same. */
const LOOK_MS = 2_000;

/** Records of jobs in Redis. Who waits for an end is told by a channel of the queue. */
export class RedisRecords implements RecordKeeper {
  readonly #url: string;
  readonly #commander: RedisCommander;
  readonly #keys: RedisKeys;
  readonly #waiters = new QueueWaiters();
  readonly #subscribed = new Set<string>();
  #listener: Redis | undefined;

  constructor(url: string, commander: RedisCommander, keys: RedisKeys) {
    this.#url = url;
    this.#commander = commander;
    this.#keys = keys;
  }

  async get(id: string, queue?: string): Promise<JobRecord | undefined> {
    const queues = queue === undefined ? await this.#queues() : [queue];
    const found = await Promise.all(queues.map((name) => this.#read(id, name)));
    // Ids are a queue's own: the latest, when several have it.
    return found
      .flatMap((record) => record ?? [])
      .sort((a, b) => b.enqueuedAtMs - a.enqueuedAtMs)
      .at(0);
  }

  async wait(id: string, waitMs: number, signal: AbortSignal): Promise<JobRecord | undefined> {
    const endMs = performance.now() + waitMs;
    let record = await this.get(id);
    while (record && !hasEnded(record) && !signal.aborted) {
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) break;
      const seen = this.#waiters.wakes;
      this.#subscribe(record.queue);
      record = await this.get(id, record.queue);
      if (!record || hasEnded(record)) break;
      await this.#waiters.wait(id, seen, Math.min(leftMs, LOOK_MS), signal);
      record = await this.get(id, record.queue);
    }
    return record;
  }

  async cancel(id: string): Promise<boolean> {
    const record = await this.get(id);
    if (!record) return false;
    const answer = this.#commander.run((redis) =>
      runScript(redis, "cancel", this.#keys.base(record.queue), [id]),
    );
    return Number(await answer) === 1;
  }

  close(): void {
    this.#waiters.wakeAll();
    if (this.#listener) endConnection(this.#listener);
  }

  async #read(id: string, queue: string): Promise<JobRecord | undefined> {
    const fields = await this.#commander.run((redis) => redis.hgetall(this.#keys.record(queue, id)));
    const record = readRecord(queue, fields);
    if (record?.state !== "delayed" || Number(fields["d"]) > (await redisNowMs(this.#commander)))
      return record;
    // Due: it waits, whether or not somebody has moved it already.
    return { ...record, state: "waiting" };
  }

  #queues(): Promise<string[]> {
    return this.#commander.run((redis) => redis.smembers(this.#keys.queues));
  }

  #subscribe(queue: string): void {
    const channel = this.#keys.endsChannel(queue);
    if (this.#subscribed.has(channel)) return;
    this.#subscribed.add(channel);
    if (!this.#listener) {
      const listener = lastingConnection(this.#url);
      listener.on("message", (_channel: string, id: string) => this.#waiters.wake(id));
      // Also after a reconnect.
      listener.on("ready", () => this.#listen([...this.#subscribed]));
      this.#listener = listener;
      // It goes on trying by itself; until then waits look for themselves.
      listener.connect().catch(() => undefined);
    } else if (this.#listener.status === "ready") this.#listen([channel]);
  }

  #listen(channels: readonly string[]): void {
    this.#listener?.subscribe(...channels).then(
      () => this.#waiters.wakeAll(),
      () => undefined,
    );
  }
}
