import type { Lane } from "./lane.ts";

/** The consumer group that all workers share. */
export const GROUP = "w";

/** Names of queues that were ever used here: where to look for a job of which only the id is known. */
export const QUEUES_KEY = "trivet:queues";

/** Up to when each cron was looked after (hash). */
export const CRONS_KEY = "trivet:crons";

/** What all keys of a queue begin with: one hash tag, so that its scripts stay within one slot of a cluster. */
export function baseOf(queue: string): string {
  return `trivet:{${queue}}:`;
}

/** Of a lane's stream, behind the base. */
export function streamName(lane: Lane): string {
  return lane === "normal" ? "s" : `s:${lane}`;
}

/** Streams of jobs to do and being done, by number of the lane. */
export function streamsOf(queue: string): [high: string, normal: string, low: string] {
  const base = baseOf(queue);
  return [base + streamName("high"), base + streamName("normal"), base + streamName("low")];
}

/** Stream of dead jobs. */
export function deadKey(queue: string): string {
  return `${baseOf(queue)}dlq`;
}

/** What holds for the queue in all workers. */
export function rulesKey(queue: string): string {
  return `${baseOf(queue)}cfg`;
}

export function recordKey(queue: string, id: string): string {
  return `${baseOf(queue)}j:${id}`;
}

/** Channel that tells ids of jobs with a record as they end. */
export function endsChannel(queue: string): string {
  return `${baseOf(queue)}ends`;
}
