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

/** What a transaction needs, and what a relay needs (FOR UPDATE is UPDATE). */
export type OutboxUse = "add" | "relay";
const RIGHTS: Readonly<Record<OutboxUse, readonly string[]>> = {
  add: ["INSERT"],
  relay: ["SELECT", "UPDATE", "DELETE"],
};

/** From the catalogs, which everybody may read: to_regclass() fails where the schema may not be used. */
const LOOK = `SELECT t.oid IS NOT NULL AS there, quote_ident(current_user) AS me,
  CASE WHEN n.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
    ELSE has_schema_privilege(n.oid, 'CREATE') END AS may_make,
  has_schema_privilege(n.oid, 'USAGE') AND (SELECT bool_and(has_table_privilege(t.oid, needed))
    FROM jsonb_array_elements_text($1::text::jsonb) AS needed) AS may_use
  FROM (SELECT 1) AS one
  LEFT JOIN pg_namespace n ON n.nspname = 'trivet'
  LEFT JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = 'outbox'`;

/**
 * Sees to it that the table is there. Runs nothing that could fail: an error would end the user's transaction. Throws
 * an Error with the SQL to run when this user may not make or use it. Whether it was there.
 */
export async function ensureOutbox(run: RunSql, use: OutboxUse): Promise<boolean> {
  const [seen] = await run(LOOK, [JSON.stringify(RIGHTS[use])]);
  if (seen?.["there"] && seen["may_use"]) return true;
  const me = String(seen?.["me"]);
  const grants = `GRANT USAGE ON SCHEMA trivet TO ${me};
GRANT INSERT, SELECT, UPDATE, DELETE ON trivet.outbox TO ${me};`;
  if (seen?.["there"])
    throw new Error(
      `the user ${me} of PostgreSQL may not use the table trivet.outbox: run this as its owner\n${grants}`,
    );
  if (!seen?.["may_make"])
    throw new Error(
      `there is no table trivet.outbox, and the user ${me} of PostgreSQL may not make it: run this as one who may\n${OUTBOX_SQL}\n${grants}`,
    );
  await run(`SELECT pg_advisory_xact_lock(${FIRST_USE_LOCK})`);
  await run(OUTBOX_SQL);
  return false;
}

/** One statement, for one round trip inside the user's transaction. $1 is a JSON list of texts. */
export const INSERT = `WITH added AS (
    INSERT INTO trivet.outbox (job) SELECT value FROM jsonb_array_elements_text($1::text::jsonb) RETURNING 1)
  SELECT pg_notify('${CHANNEL}', '') FROM (SELECT count(*) FROM added) AS counted`;
