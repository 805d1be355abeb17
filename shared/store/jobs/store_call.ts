/** What clients of the store process and the store process say to each other. */
import type { EnqueueToken } from "./enqueue_token.ts";
import type { Claim, DeadFilter, DeadJob, Lease, NewJob, QueueCounts, Settlement, WorkerEnd } from "./job.ts";
import type { LivingFilter, LivingJob } from "./job_desk.ts";
import type { QueueRules } from "./queue_rules.ts";
import type { JobRecord, ProgressNote } from "./record.ts";

export type StoreCall =
  | { op: "enqueue"; jobs: readonly NewJob[]; token: EnqueueToken }
  | { op: "claim"; queue: string; owner: string; max: number; waitMs: number; alone: boolean }
  | { op: "owned"; queue: string; owner: string }
  | { op: "settle"; owner: string; settlements: readonly Settlement[] }
  | { op: "holds"; owner: string; leases: readonly Lease[] }
  | { op: "note"; notes: readonly ProgressNote[] }
  | { op: "get"; id: string; queue: string | null }
  | { op: "await"; id: string; waitMs: number }
  | { op: "cancel"; id: string }
  | { op: "renew"; queues: readonly string[]; owners: readonly string[]; leaseMs: number }
  | { op: "held"; queues: readonly string[]; owner: string }
  | { op: "release"; queues: readonly string[]; owner: string; end: WorkerEnd }
  | { op: "reclaim"; queues: readonly string[]; leaseMs: number }
  | { op: "promote"; queues: readonly string[]; maxMs: number }
  | { op: "counts"; queues: readonly string[] }
  | { op: "dead"; queue: string; max: number; filter: DeadFilter }
  | { op: "replay"; queue: string; filter: DeadFilter }
  | { op: "cronLast"; name: string }
  | { op: "cronDone"; name: string; slotMs: number }
  | { op: "queues" }
  | { op: "find"; queue: string; filter: LivingFilter; max: number }
  | { op: "kill"; queue: string; ids: readonly string[] }
  | { op: "hurry"; queue: string; ids: readonly string[] }
  | { op: "rules"; queue: string }
  | { op: "setRules"; queue: string; rules: Partial<QueueRules> };

/** What each call answers. */
export interface StoreAnswers {
  enqueue: string[];
  claim: Claim;
  owned: Claim;
  settle: boolean[];
  holds: boolean[];
  note: boolean[];
  get: JobRecord | null;
  await: JobRecord | null;
  cancel: boolean;
  renew: null;
  held: number;
  release: number;
  reclaim: number;
  promote: number;
  counts: QueueCounts[];
  dead: DeadJob[];
  replay: number;
  cronLast: number | null;
  cronDone: null;
  queues: string[];
  find: LivingJob[];
  kill: string[];
  hurry: string[];
  rules: QueueRules;
  setRules: null;
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
