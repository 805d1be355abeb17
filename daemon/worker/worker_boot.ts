import type { CronConfig } from "../../shared/config/schema.ts";
import type { Identity } from "../../shared/process/identity.ts";
import type { StoreAddress } from "../../shared/store/store_address.ts";
import type { FetchSpec } from "./fetcher.ts";

/** What handlers may still do once their signal is aborted. */
export const ABORT_GRACE_MS = 1_000;
/** How long a leaving worker tries to tell the store what became of its jobs. */
export const SETTLE_WAIT_MS = 3_000;
/** What the jobs of a process may take that is replaced because of another one. */
export const OTHERS_FINISH_MS = 3_600_000;
/** How much longer than its shutdown timeout a worker process may take to leave. */
export const LEAVE_EXTRA_MS = ABORT_GRACE_MS + SETTLE_WAIT_MS + 1_000;

/** What a worker process is told at its start. */
export interface WorkerBoot extends Omit<FetchSpec, "owner"> {
  /** Of this run of the supervisor, never used before. */
  supervisor: string;
  /** The handlers file. */
  handlers: string;
  concurrency: number;
  shutdownTimeoutMs: number;
  /** How long a job waits for a worker that knows its type. */
  unknownTypeWaitMs: number;
  /** It may take no job. */
  quiet: boolean;
  store: StoreAddress;
  /** Of which the parent wants to know what their handlers say. */
  crons: readonly CronConfig[];
  /** Whom the process becomes before it reads the user's code. */
  identity: Identity | undefined;
}

/** Parent → child. "quiet": take no new job, and go on with those that run. "refetch": give up the claims under way. */
export interface WorkerOrder {
  kind: "quiet" | "refetch";
}

/** The name under which a worker process leases jobs; its parent knows it too. */
export function ownerOf(supervisor: string, pid: number): string {
  return `${supervisor}-${pid}`;
}
