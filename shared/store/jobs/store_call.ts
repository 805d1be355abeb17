/** What clients of the store process and the store process say to each other. */
import type { Claim, DeadJob, NewJob, QueueCounts, Settlement } from "./job.ts";

export type StoreCall =
  | { op: "enqueue"; jobs: readonly NewJob[] }
  | { op: "claim"; queue: string; owner: string; max: number; waitMs: number }
  | { op: "owned"; queue: string; owner: string }
  | { op: "settle"; owner: string; settlements: readonly Settlement[] }
  | { op: "renew"; queues: readonly string[]; owners: readonly string[]; leaseMs: number }
  | { op: "release"; queues: readonly string[]; owner: string }
  | { op: "reclaim"; queues: readonly string[]; leaseMs: number }
  | { op: "promote"; queues: readonly string[]; maxMs: number }
  | { op: "counts"; queues: readonly string[] }
  | { op: "dead"; queue: string; max: number }
  | { op: "replay"; queue: string; ids: readonly string[] | null };

/** What each call answers. */
export interface StoreAnswers {
  enqueue: null;
  claim: Claim;
  owned: Claim;
  settle: boolean[];
  renew: null;
  release: number;
  reclaim: number;
  promote: number;
  counts: QueueCounts[];
  dead: DeadJob[];
  replay: number;
}

/** Client → store process. "hello" ends an older connection of the same client: its claims must not go on. */
export type StoreRequest =
  | { kind: "hello"; client: string }
  | { kind: "call"; number: number; call: StoreCall }
  | { kind: "abort"; number: number };

/** Store process → client. */
export type StoreReply =
  | { number: number; answer: StoreAnswers[StoreCall["op"]] }
  | { number: number; sentence: string; retryable: boolean };
