/** How a file of the embedded store is opened and its faults are told. */
import { Database, SQLiteError } from "bun:sqlite";
import { existsSync } from "node:fs";
import { StoreError } from "../store_error.ts";
import type { SqliteFile } from "./sqlite_file.ts";
import { SCHEMAS } from "./sqlite_schema_text.ts";

const STORAGE_FAULTS = /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|PERM)/;

/** Opens or makes the file. Throws a SQLiteError that isBusy() knows when another process holds it, else a StoreError. */
export function openDatabase(file: SqliteFile): Database {
  const { path } = file;
  let db: Database | undefined;
  try {
    file.keepPrivate();
    db = new Database(path, { create: true, readwrite: true, strict: true });
    // Never wait inside SQLite: that would freeze the event loop. The writer comes back later instead.
    db.run("PRAGMA busy_timeout = 0");
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = FULL");
    migrate(db, path);
    file.remember();
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
  if (version === SCHEMAS.length) return;
  if (version > SCHEMAS.length) {
    throw new StoreError(
      `${path} was written by a newer Trivet: upgrade this one or choose another store.url`,
      false,
    );
  }
  db.run("BEGIN IMMEDIATE");
  try {
    // Another process may have been first.
    for (const schema of SCHEMAS.slice(versionOf(db))) db.run(schema);
    db.run(`PRAGMA user_version = ${SCHEMAS.length}`);
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
  if (code.startsWith("SQLITE_READONLY") || code.startsWith("SQLITE_CANTOPEN"))
    return new StoreError(
      `${path} can't be written any more: its disk is read-only, or its permissions have changed`,
      true,
      {
        cause: error,
      },
    );
  if (code.startsWith("SQLITE_IOERR"))
    return new StoreError(`the disk of ${path} failed: ${reason}`, true, { cause: error });
  return new StoreError(`SQLite refused to write ${path}: ${reason}`, false, { cause: error });
}

/** Whether the disk or the file is what fails, whoever asks for what. */
export function isStorageFault(error: unknown): boolean {
  const code = error instanceof SQLiteError ? (error.code ?? "") : "";
  return error instanceof StoreError || STORAGE_FAULTS.test(code);
}

function openSentence(path: string, error: unknown): string {
  const code = String((error as { code?: unknown }).code ?? "");
  if (code === "ENOSPC") return `the disk of ${path} is full: free some space`;
  if (code.startsWith("SQLITE_NOTADB"))
    return `${path} is not a SQLite database: set store.url to another file`;
  if (/^(SQLITE_READONLY|SQLITE_CANTOPEN|EROFS|EACCES|EPERM|ENOENT|ENOTDIR)/.test(code)) {
    return `can't write the store ${path}${existsSync(path) ? "" : " or make it"}: check its folder and permissions, or set store.url to another file`;
  }
  return `can't open the store ${path}: ${error instanceof Error ? error.message : String(error)}`;
}
