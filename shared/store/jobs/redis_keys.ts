import type { Lane } from "./lane.ts";

/** The consumer group that all workers share. */
export const GROUP = "w";

/** What all keys begin with where store.prefix says nothing else. */
export const DEFAULT_PREFIX = "trivet";

/**
 * The keys of one site in Redis. Two sites may share a Redis: each has its prefix (store.prefix), in which there is no
 * brace, so that no key of one is a key of the other.
 */
export class RedisKeys {
  readonly #prefix: string;

  constructor(prefix: string = DEFAULT_PREFIX) {
    this.#prefix = prefix;
  }

  /** Names of queues that were ever used here (set): where to look for a job of which only the id is known. */
  get queues(): string {
    return `${this.#prefix}:queues`;
  }

  /** Up to when each cron was looked after (hash). */
  get crons(): string {
    return `${this.#prefix}:crons`;
  }

  /** What all keys of a queue begin with: one hash tag, so that its scripts stay within one slot of a cluster. */
  base(queue: string): string {
    return `${this.#prefix}:{${queue}}:`;
  }

  /** It is there once the queue's name is among all. */
  isKnown(queue: string): string {
    return `${this.base(queue)}q`;
  }

  /** Streams of jobs to do and being done, by number of the lane. */
  streams(queue: string): [high: string, normal: string, low: string] {
    const base = this.base(queue);
    return [base + streamName("high"), base + streamName("normal"), base + streamName("low")];
  }

  /** Stream of the jobs of all lanes that run alone. */
  aloneStream(queue: string): string {
    return `${this.base(queue)}s:alone`;
  }

  /** By number, also that of ALONE_LANE. */
  allStreams(queue: string): string[] {
    return [...this.streams(queue), this.aloneStream(queue)];
  }

  /** Stream of dead jobs. */
  dead(queue: string): string {
    return `${this.base(queue)}dlq`;
  }

  /** What holds for the queue in all workers. */
  rules(queue: string): string {
    return `${this.base(queue)}cfg`;
  }

  record(queue: string, id: string): string {
    return `${this.base(queue)}j:${id}`;
  }

  /** Channel that tells ids of jobs with a record as they end. */
  endsChannel(queue: string): string {
    return `${this.base(queue)}ends`;
  }
}

/** Of a lane's stream, behind the base. */
export function streamName(lane: Lane): string {
  return lane === "normal" ? "s" : `s:${lane}`;
}
