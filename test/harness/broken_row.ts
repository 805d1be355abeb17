import { Database } from "bun:sqlite";

/** For tests: a row as a foreign program would leave it. */
export function addBrokenRow(path: string, queue: string): void {
  const db = new Database(path, { strict: true });
  db.run("PRAGMA busy_timeout = 5000");
  db.query(
    "INSERT INTO job (uid, queue, run_at, type, payload, options) VALUES (?, ?, 0, 'x', 'garbage', '{not json')",
  ).run(crypto.randomUUID(), queue);
  db.close();
}
