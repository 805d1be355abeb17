import type { Database } from "bun:sqlite";
import type { ClaimWish } from "./claim_wishes.ts";
import type { Claim } from "./job.ts";

/** One transaction on the tables, and whom to wake once it is committed. */
export interface SqliteChange {
  readonly db: Database;
  readonly nowMs: number;
  /** Queues in which a job has become free. */
  readonly freed: Set<string>;
  /** Ids of jobs with a record that have ended. */
  readonly ended: Set<string>;
  /** What waiting claims get. */
  readonly given: Map<ClaimWish, Claim>;
  /** Owners that are dead or silent: a claim of theirs may still wait here. */
  readonly gone: Set<string>;
}

export function newChange(db: Database, nowMs: number): SqliteChange {
  return { db, nowMs, freed: new Set(), ended: new Set(), given: new Map(), gone: new Set() };
}
