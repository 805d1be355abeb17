/**
 * The table in the app's own PostgreSQL that holds jobs enqueued inside a transaction, until they are relayed to the
 * store. Made on first use by whoever comes first and may; else its SQL is told.
 */

/** Sends a text with parameters $1, $2, …; the rows. */
export type RunSql = (text: string, parameters?: unknown[]) => Promise<readonly Record<string, unknown>[]>;

/** NOTIFY tells the relay; it is sent when the transaction commits (postgresql.org/docs, NOTIFY). */
export const CHANNEL = "trivet_outbox";

export const OUTBOX_SQL = `CREATE SCHEMA IF NOT EXISTS trivet;
CREATE TABLE IF NOT EXISTS trivet.outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job text NOT NULL,
  error text,
  made_at timestamptz NOT NULL DEFAULT now()
);`;

/** Of our own: two who come first at once must not both make it (postgresql.org/docs, Advisory Locks). */
const FIRST_USE_LOCK = 7_387_148_213;

const LOOK = `SELECT to_regclass('trivet.outbox') IS NOT NULL AS there,
  CASE WHEN to_regnamespace('trivet') IS NULL THEN has_database_privilege(current_database(), 'CREATE')
    ELSE has_schema_privilege('trivet', 'CREATE') END AS may`;

/**
 * Sees to it that the table is there. Runs nothing that could fail: an error would end the user's transaction. Throws
 * an Error with the SQL to run when this user may not make it. Whether it was there.
 */
export async function ensureOutbox(run: RunSql): Promise<boolean> {
  const [seen] = await run(LOOK);
  if (seen?.["there"]) return true;
  if (!seen?.["may"]) {
    throw new Error(
      `there is no table trivet.outbox, and this user of PostgreSQL may not make it: run this as one who may, and grant INSERT, SELECT, UPDATE and DELETE on it\n${OUTBOX_SQL}`,
    );
  }
  await run(`SELECT pg_advisory_xact_lock(${FIRST_USE_LOCK})`);
  await run(OUTBOX_SQL);
  return false;
}

/** One statement, for one round trip inside the user's transaction. $1 is a JSON list of texts. */
export const INSERT = `WITH added AS (
    INSERT INTO trivet.outbox (job) SELECT value FROM jsonb_array_elements_text($1::text::jsonb) RETURNING 1)
  SELECT pg_notify('${CHANNEL}', '') FROM (SELECT count(*) FROM added) AS counted`;
