/** Limits in the tables: who may begin, who stands aside, and who is let go when there is room. */
import type { Database } from "bun:sqlite";
import type { JobExtras } from "./entry.ts";
import type { Limit } from "./job.ts";
import { isLimited, NO_RULES, type QueueRules, readRules } from "./queue_rules.ts";
import { type Begins, readBegins, roomOf, withBegin, withoutBegin } from "./rate_window.ts";
import type { SqliteChange } from "./sqlite_change.ts";

/** How many jobs a rate that has room lets go at once; each that begins lets go more. */
const OPEN_MAX = 20;
/** The same when there is no limit any more. */
const OPEN_ALL = 500;

interface Room {
  free: number;
  /** When it is none: how long until there is some; undefined: until somebody leaves. */
  waitMs?: number;
}

export function rulesOf(db: Database, queue: string): QueueRules {
  const row = db.query<{ text: string }, [string]>("SELECT text FROM rules WHERE queue = ?").get(queue);
  return row ? readRules(row.text) : NO_RULES;
}

/** Whether the job may begin; else it stands aside under the limit that holds it back. */
export function admit(
  change: SqliteChange,
  { id, queue }: { id: number; queue: string },
  { limit }: JobExtras,
  rules: QueueRules,
): boolean {
  const gates: Limit[] = [];
  if (isLimited(rules)) gates.push({ key: "", concurrency: rules.concurrency, rate: rules.rate });
  if (limit) gates.push(limit);
  for (const [i, gate] of gates.entries()) {
    const { free, waitMs } = room(change, queue, gate);
    if (free > 0) continue;
    change.db.query("UPDATE job SET owner = NULL, parked = ? WHERE id = ?").run(gate.key, id);
    if (waitMs !== undefined) lookLater(change, queue, gate.key, waitMs);
    lookAgain(
      change,
      queue,
      gates.slice(0, i).map(({ key }) => key),
    );
    return false;
  }
  if (gates.length === 0) return true;
  change.db.query("UPDATE job SET gate = ? WHERE id = ?").run(limit?.key ?? "", id);
  for (const gate of gates) {
    spend(change, queue, gate);
    letGo(change, queue, gate);
  }
  return true;
}

/** A job that counted under `gate` runs no more. */
export function leave(change: SqliteChange, queue: string, gate: string | null): void {
  if (gate === null) return;
  open(change, queue, "", 1);
  if (gate !== "") open(change, queue, gate, 1);
}

/** A job that was let begin did not: its rates have not counted it. */
export function unspend({ db }: SqliteChange, queue: string, limit: Limit | null): void {
  const gates: Pick<Limit, "key" | "rate">[] = [{ key: "", rate: rulesOf(db, queue).rate }];
  if (limit) gates.push(limit);
  const update = db.query("UPDATE gate SET begins = ? WHERE queue = ? AND key = ?");
  for (const { key, rate } of gates) {
    if (rate) update.run(JSON.stringify(withoutBegin(beginsOf(db, queue, key))), queue, key);
  }
}

/** At the next promotion, unless nobody stands aside there. */
export function lookAgain(change: SqliteChange, queue: string, keys: readonly string[]): void {
  for (const key of keys) lookLater(change, queue, key, 0);
}

/** Lets go one of each limit whose time has come; those of the queue's limit all when there is none any more. */
export function openDue(change: SqliteChange, queue: string): void {
  const due = change.db
    .query<{ key: string }, [string, number]>("SELECT key FROM gate WHERE queue = ? AND look_at <= ?")
    .all(queue, change.nowMs);
  const limited = isLimited(rulesOf(change.db, queue));
  for (const { key } of due) {
    change.db.query("UPDATE gate SET look_at = NULL WHERE queue = ? AND key = ?").run(queue, key);
    if (key !== "" || limited) open(change, queue, key, 1);
    else {
      open(change, queue, key, OPEN_ALL);
      lookAgain(change, queue, [key]);
    }
  }
}

/** When a limit of the queue must be looked at; undefined: none. */
export function nextLookMs(db: Database, queue: string): number | undefined {
  return db
    .query<{ look_at: number }, [string]>(
      "SELECT look_at FROM gate WHERE queue = ? AND look_at IS NOT NULL ORDER BY look_at LIMIT 1",
    )
    .get(queue)?.look_at;
}

function room({ db, nowMs }: SqliteChange, queue: string, { key, concurrency, rate }: Limit): Room {
  let free = OPEN_MAX;
  if (concurrency > 0) {
    if (running(db, queue, key) >= concurrency) return { free: 0 };
    free = 1;
  }
  if (!rate) return { free };
  const ofRate = roomOf(rate, beginsOf(db, queue, key), nowMs);
  return ofRate.free > 0 ? { free: Math.min(free, ofRate.free) } : ofRate;
}

/** Of the whole queue those count that have begun under its limit, whatever their own. */
function running(db: Database, queue: string, key: string): number {
  const all = "SELECT count(*) AS n FROM job WHERE queue = ? AND gate IS NOT NULL";
  const row =
    key === ""
      ? db.query<{ n: number }, [string]>(all).get(queue)
      : db.query<{ n: number }, [string, string]>(`${all} AND gate = ?`).get(queue, key);
  return row?.n ?? 0;
}

function beginsOf(db: Database, queue: string, key: string): Begins {
  const query = db.query<{ begins: string }, [string, string]>(
    "SELECT begins FROM gate WHERE queue = ? AND key = ?",
  );
  return readBegins(query.get(queue, key)?.begins ?? "");
}

function spend({ db, nowMs }: SqliteChange, queue: string, { key, rate }: Limit): void {
  if (!rate) return;
  const begins = withBegin(beginsOf(db, queue, key), rate.perMs, nowMs);
  const [lastEndMs = nowMs] = begins.at(-1) ?? [];
  db.query(
    `INSERT INTO gate (queue, key, begins, begins_until) VALUES (?, ?, ?, ?)
     ON CONFLICT (queue, key) DO UPDATE SET begins = excluded.begins, begins_until = excluded.begins_until`,
  ).run(queue, key, JSON.stringify(begins), lastEndMs + rate.perMs);
}

function letGo(change: SqliteChange, queue: string, gate: Limit): void {
  if (!isWaitedFor(change.db, queue, gate.key)) return;
  const { free, waitMs } = room(change, queue, gate);
  if (free > 0) open(change, queue, gate.key, free);
  else if (waitMs !== undefined) lookLater(change, queue, gate.key, waitMs);
}

function open({ db, freed }: SqliteChange, queue: string, key: string, count: number): void {
  const { changes } = db
    .query(
      `UPDATE job SET parked = NULL WHERE id IN
         (SELECT id FROM job WHERE queue = ? AND parked = ? ORDER BY lane, id LIMIT ?)`,
    )
    .run(queue, key, count);
  if (changes > 0) freed.add(queue);
}

function lookLater(change: SqliteChange, queue: string, key: string, waitMs: number): void {
  if (!isWaitedFor(change.db, queue, key)) return;
  change.db
    .query(
      `INSERT INTO gate (queue, key, look_at) VALUES (?, ?, ?)
       ON CONFLICT (queue, key) DO UPDATE SET look_at = excluded.look_at`,
    )
    .run(queue, key, change.nowMs + waitMs);
}

function isWaitedFor(db: Database, queue: string, key: string): boolean {
  return db.query("SELECT 1 FROM job WHERE queue = ? AND parked = ? LIMIT 1").get(queue, key) !== null;
}
