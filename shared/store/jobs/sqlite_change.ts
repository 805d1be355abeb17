import type { Database } from "bun:sqlite";

/** One write to the tables, and whom to wake once it is committed. */
export interface SqliteChange {
  readonly db: Database;
  readonly nowMs: number;
  /** Queues in which a job has become free. */
  readonly freed: Set<string>;
  /** Ids of jobs with a record that have ended. */
  readonly ended: Set<string>;
}

export function newChange(db: Database, nowMs: number): SqliteChange {
  return { db, nowMs, freed: new Set(), ended: new Set() };
}
