/** The tables of the embedded store, version by version. */

/**
 * A job is free while its owner is NULL. Leases stand with the owner, not with each job: one row is renewed however
 * many jobs a worker holds. The token grows with every claim, so that (id, token) names one lease.
 */
const FIRST = `
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
`;

/**
 * AUTOINCREMENT: an id used again would let a settlement that is repeated end another job of the same worker.
 * Lanes, and what some jobs have beside: extras (entry.ts), a history of failures. "parked" names the limit that holds
 * a job back ("" is that of the whole queue), "gate" what it counts under while it
 * runs: a limit of its own, or "" for that of the queue alone.
 */
const SECOND = `
ALTER TABLE job RENAME TO job_before;
DROP INDEX job_free;
DROP INDEX job_owned;
CREATE TABLE job (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uid TEXT NOT NULL,
  queue TEXT NOT NULL,
  lane INTEGER NOT NULL DEFAULT 1,
  run_at INTEGER NOT NULL,
  owner TEXT,
  token INTEGER NOT NULL DEFAULT 0,
  attempt INTEGER NOT NULL DEFAULT 0,
  stalls INTEGER NOT NULL DEFAULT 0,
  gate TEXT,
  parked TEXT,
  type TEXT NOT NULL,
  payload TEXT NOT NULL,
  options TEXT NOT NULL,
  extras TEXT NOT NULL DEFAULT '',
  history TEXT NOT NULL DEFAULT '',
  UNIQUE (uid, queue)
) STRICT;
INSERT INTO job (id, uid, queue, run_at, token, attempt, stalls, type, payload, options)
  SELECT id, uid, queue, run_at, token, attempt, stalls, type, payload, options FROM job_before;
DROP TABLE job_before;
CREATE INDEX job_free ON job (queue, lane, run_at, id) WHERE owner IS NULL AND parked IS NULL;
CREATE INDEX job_parked ON job (queue, parked, lane, id) WHERE parked IS NOT NULL;
CREATE INDEX job_owned ON job (owner, queue) WHERE owner IS NOT NULL;
CREATE INDEX job_running ON job (queue, gate) WHERE gate IS NOT NULL;
ALTER TABLE dead ADD COLUMN lane INTEGER NOT NULL DEFAULT 1;
ALTER TABLE dead ADD COLUMN extras TEXT NOT NULL DEFAULT '';
ALTER TABLE dead ADD COLUMN history TEXT NOT NULL DEFAULT '';
CREATE INDEX dead_age ON dead (died_at);
CREATE TABLE record (
  uid TEXT NOT NULL,
  queue TEXT NOT NULL,
  lane INTEGER NOT NULL,
  type TEXT NOT NULL,
  state TEXT NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,
  enqueued_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL DEFAULT 0,
  keep_until INTEGER,
  cancelled INTEGER NOT NULL DEFAULT 0,
  progress TEXT,
  result TEXT,
  reason TEXT,
  error TEXT,
  PRIMARY KEY (uid, queue)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_age ON record (keep_until) WHERE keep_until IS NOT NULL;
CREATE TABLE lock (
  queue TEXT NOT NULL,
  key TEXT NOT NULL,
  uid TEXT NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (queue, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX lock_age ON lock (until);
CREATE TABLE rules (
  queue TEXT PRIMARY KEY,
  text TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE gate (
  queue TEXT NOT NULL,
  key TEXT NOT NULL,
  tat REAL NOT NULL DEFAULT 0,
  look_at INTEGER,
  PRIMARY KEY (queue, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX gate_look ON gate (queue, look_at) WHERE look_at IS NOT NULL;
CREATE TABLE heard (
  client TEXT NOT NULL,
  slot INTEGER NOT NULL,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (client, slot)
) STRICT, WITHOUT ROWID;
`;

/** Up to when each cron was looked after. */
const THIRD = `
CREATE TABLE cron (
  name TEXT PRIMARY KEY,
  slot INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** A rate by what began when (rate_window.ts), instead of by a time reckoned ahead; of use until then. */
const FOURTH = `
ALTER TABLE gate DROP COLUMN tat;
ALTER TABLE gate ADD COLUMN begins TEXT NOT NULL DEFAULT '';
ALTER TABLE gate ADD COLUMN begins_until INTEGER NOT NULL DEFAULT 0;
`;

/** Leases lost that nobody explained. Jobs that run alone are in the lanes from ALONE_LANES on. */
const FIFTH = `
ALTER TABLE job ADD COLUMN losses INTEGER NOT NULL DEFAULT 0;
`;

/** What makes version n + 1 from version n. */
export const SCHEMAS: readonly string[] = [FIRST, SECOND, THIRD, FOURTH, FIFTH];
