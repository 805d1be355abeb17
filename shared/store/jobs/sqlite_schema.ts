/** The tables of the embedded store and how a file is opened. */
import { Database, SQLiteError } from "bun:sqlite";
import { existsSync } from "node:fs";
import { StoreError } from "../store_error.ts";

const SCHEMA_VERSION = 1;

/**
 * A job is free while its owner is NULL. Leases stand with the owner, not with each job: one row is renewed however
 * many jobs a worker holds. The token grows with every claim, so that (id, token) names one lease.
 */
const SCHEMA = `
CREATE TABLE job (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  queue TEXT NOT NULL,
  run_at INTEGER NOT NULL,
  owner TEXT,
  token INTEGER NOT NULL DEFAULT 0,
  attempt INTEGER NOT NULL DEFAULT 0,
  stalls INTEGER NOT NULL DEFAULT 0,
  type TEXT NOT NULL,
  payload TEXT NOT NULL,
  options TEXT NOT NULL
) STRICT;
CREATE INDEX job_free ON job (queue, run_at, id) WHERE owner IS NULL;
CREATE INDEX job_owned ON job (owner, queue) WHERE owner IS NOT NULL;
CREATE TABLE owner (
  name TEXT PRIMARY KEY,
  heard_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE dead (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL,
  queue TEXT NOT NULL,
  type TEXT NOT NULL,
  payload TEXT NOT NULL,
  options TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  reason TEXT NOT NULL,
  error TEXT NOT NULL,
  died_at INTEGER NOT NULL
) STRICT;
CREATE INDEX dead_queue ON dead (queue, id);
CREATE INDEX dead_uid ON dead (uid);
PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** Opens or makes the file. Throws a SQLiteError that isBusy() knows when another process holds it, else a StoreError. */
export function openDatabase(path: string): Database {
  let db: Database | undefined;
  try {
    db = new Database(path, { create: true, readwrite: true, strict: true });
    // Never wait inside SQLite: that would freeze the event loop. The writer comes back later instead.
    db.run("PRAGMA busy_timeout = 0");
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = FULL");
    migrate(db, path);
    return db;
  } catch (error) {
    db?.close();
    throw isBusy(error) || error instanceof StoreError
      ? error
      : new StoreError(openSentence(path, error), false, { cause: error });
  }
}

function migrate(db: Database, path: string): void {
  const version = versionOf(db);
  if (version === SCHEMA_VERSION) return;
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      `${path} was written by a newer Trivet: upgrade this one or choose another store.url`,
      false,
    );
  }
  db.run("BEGIN IMMEDIATE");
  try {
    // Another process may have been first.
    if (versionOf(db) === 0) db.run(SCHEMA);
    db.run("COMMIT");
  } catch (error) {
    db.run("ROLLBACK");
    throw error;
  }
}

function versionOf(db: Database): number {
  const row = db.query<{ user_version: number }, []>("PRAGMA user_version").get();
  return row?.user_version ?? 0;
}

/** Another connection holds the lock; it passes. */
export function isBusy(error: unknown): boolean {
  return error instanceof SQLiteError && (error.code ?? "").startsWith("SQLITE_BUSY");
}

/** What to tell a caller about an error inside SQLite. */
export function storeError(path: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const code = error instanceof SQLiteError ? (error.code ?? "") : "";
  const reason = error instanceof Error ? error.message : String(error);
  if (code === "SQLITE_FULL")
    return new StoreError(`the disk of ${path} is full: free some space`, true, { cause: error });
  if (code.startsWith("SQLITE_IOERR"))
    return new StoreError(`the disk of ${path} failed: ${reason}`, true, { cause: error });
  return new StoreError(`SQLite refused to write ${path}: ${reason}`, false, { cause: error });
}

function openSentence(path: string, error: unknown): string {
  const code = error instanceof SQLiteError ? (error.code ?? "") : "";
  if (code.startsWith("SQLITE_NOTADB"))
    return `${path} is not a SQLite database: set store.url to another file`;
  if (code.startsWith("SQLITE_READONLY") || code.startsWith("SQLITE_CANTOPEN")) {
    return `can't write the store ${path}${existsSync(path) ? "" : " or make it"}: check its folder and permissions, or set store.url to another file`;
  }
  return `can't open the store ${path}: ${error instanceof Error ? error.message : String(error)}`;
}
