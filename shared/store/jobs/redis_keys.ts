/** The consumer group that all workers share. */
export const GROUP = "w";

export interface QueueKeys {
  /** Stream of jobs to do and being done. */
  stream: string;
  /** Sorted set of jobs whose moment has not come; scored by it, in milliseconds of Redis's clock. */
  delayed: string;
  /** Stream of dead jobs. */
  dead: string;
}

/** One hash tag a queue, so that scripts stay within one slot of a cluster. */
export function keysOf(queue: string): QueueKeys {
  const base = `trivet:{${queue}}:`;
  return { stream: `${base}s`, delayed: `${base}d`, dead: `${base}dlq` };
}
