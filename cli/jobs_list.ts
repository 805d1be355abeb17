/** `trivet jobs ls`, `show` and `dead`: what is in the queues. */
import { DEAD_REASONS, type DeadFilter, type DeadJob, type QueueCounts } from "../shared/store/jobs/job.ts";
import { LIVING_STATES, type LivingFilter, type LivingJob } from "../shared/store/jobs/job_desk.ts";
import type { JobRecord } from "../shared/store/jobs/record.ts";
import { UserError } from "../shared/user_error.ts";
import type { Invocation } from "./command.ts";
import { flagText, type OpenedStore, showsPayload } from "./jobs_store.ts";
import { say, sayJson } from "./say.ts";
import { formatAge, formatTable } from "./table.ts";

const SHOWN = 100;
const SHOWN_MAX = 10_000;
const TEXT_SHOWN_CHARS = 100;
const LABEL_CHARS = 12;
const CONTINUED = `\n${" ".repeat(LABEL_CHARS + 1)}`;

/** Queues; with a flag that is about jobs, those. */
export async function list(opened: OpenedStore, invocation: Invocation): Promise<void> {
  const aboutJobs = ["--state", "--type", "--reason", "--id", "--limit", "--payload"];
  if (aboutJobs.some((name) => invocation.flags.has(name))) return listJobs(opened, invocation);
  const { store } = opened;
  const all = await store.counts(opened.queues);
  const counts = all.filter((count, i) => i < opened.expected || isInUse(count));
  const queues = counts.map(({ queue }) => queue);
  const rules = await Promise.all(queues.map((queue) => store.rules(queue)));
  const listed = counts.map((count, i) => ({ ...count, paused: rules[i]?.paused === true }));
  if (invocation.json) sayJson(listed);
  else
    say(formatTable(["QUEUE", "WAITING", "DELAYED", "RUNNING", "DEAD", "OLDEST", ""], listed.map(countRow)));
}

export async function listDead(opened: OpenedStore, invocation: Invocation): Promise<void> {
  const found = await deadJobs(opened, invocation);
  if (invocation.json) sayJson(found.map((job) => shown(job, invocation)));
  else printRows(found.map(deadRow), "no dead jobs", invocation, found);
}

/** Throws a UserError (2) when a flag names what there is not. */
export function deadFilter(invocation: Invocation): DeadFilter {
  const reason = flagText(invocation, "--reason");
  const known = DEAD_REASONS.find((one) => one === reason);
  if (reason !== undefined && !known)
    throw new UserError(`--reason ${reason} is none: use ${DEAD_REASONS.join(", ")}`, 2);
  return { ...idsAndType(invocation), ...(known && { reason: known }) };
}

/** All that is known of one job. */
export async function show(
  { store, queues }: OpenedStore,
  invocation: Invocation,
  [id]: readonly string[],
): Promise<void> {
  if (!id) throw new UserError("name the job: trivet jobs show ID", 2);
  const record = await store.records.get(id);
  const ids = [id];
  const living = (await Promise.all(queues.map((queue) => store.desk.find(queue, { ids }, 1)))).flat();
  const dead = (await Promise.all(queues.map((queue) => store.dead(queue, 1, { ids })))).flat();
  const job = living[0] ?? (dead[0] && { ...dead[0], state: "dead" });
  if (!job && !record)
    throw new UserError(
      `there is no job ${id}: it is done, or never was; done jobs are known when enqueued with id, track or keep`,
    );
  const all = { ...(record && recordView(record, invocation)), ...(job && shown(job, invocation)) };
  if (invocation.json) sayJson(all);
  else for (const [name, value] of Object.entries(all)) say(line(name, value));
}

async function listJobs(opened: OpenedStore, invocation: Invocation): Promise<void> {
  const { store, queues } = opened;
  const state = flagText(invocation, "--state");
  const reason = flagText(invocation, "--reason");
  if (state === "dead" || (reason !== undefined && state === undefined)) return listDead(opened, invocation);
  const known = LIVING_STATES.find((one) => one === state);
  if (state !== undefined && !known)
    throw new UserError(`--state ${state} is none: use ${LIVING_STATES.join(", ")} or dead`, 2);
  if (reason !== undefined)
    throw new UserError("--reason is of dead jobs: leave --state out, or set it to dead", 2);
  const filter: LivingFilter = { ...idsAndType(invocation), ...(known && { state: known }) };
  const max = shownMax(invocation);
  const found = (await Promise.all(queues.map((queue) => store.desk.find(queue, filter, max)))).flat();
  const some = found.slice(0, max);
  if (invocation.json) sayJson(some.map((job) => shown(job, invocation)));
  else printRows(some.map(livingRow), "no such jobs", invocation, some);
}

async function deadJobs({ store, queues }: OpenedStore, invocation: Invocation): Promise<DeadJob[]> {
  const [filter, max] = [deadFilter(invocation), shownMax(invocation)];
  return (await Promise.all(queues.map((queue) => store.dead(queue, max, filter)))).flat().slice(0, max);
}

function idsAndType(invocation: Invocation): Pick<DeadFilter, "ids" | "type"> {
  const [id, type] = [flagText(invocation, "--id"), flagText(invocation, "--type")];
  return { ...(id !== undefined && { ids: id.split(",") }), ...(type !== undefined && { type }) };
}

function shownMax(invocation: Invocation): number {
  const text = flagText(invocation, "--limit") ?? String(SHOWN);
  const max = Number(text);
  if (/^\d+$/.test(text) && max >= 1 && max <= SHOWN_MAX) return max;
  throw new UserError(`--limit ${text}: use a whole number from 1 to ${SHOWN_MAX}`, 2);
}

function shown<Job extends { payload: string }>(job: Job, invocation: Invocation): Omit<Job, "payload"> {
  const { payload, ...rest } = job;
  if (!showsPayload(invocation)) return rest;
  return invocation.json ? { ...rest, payload: parsed(payload) } : job;
}

/** What a handler returned is as private as what it was given. */
function recordView(record: JobRecord, invocation: Invocation): object {
  const { result, progress, ...rest } = record;
  const known = invocation.json ? { ...rest, progress: parsed(progress) } : { ...rest, progress };
  if (!showsPayload(invocation)) return known;
  return { ...known, result: invocation.json ? parsed(result) : result };
}

/** Text that can't be read stays text: a job may be dead for that. */
function parsed(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

function line(name: string, value: unknown): string {
  const isTime = name.endsWith("AtMs") && typeof value === "number";
  const label = (isTime ? name.slice(0, -4) : name).padEnd(LABEL_CHARS);
  if (isTime) return `${label} ${value > 0 ? new Date(value).toISOString() : "-"}`;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  // A text of several lines must not look like other fields.
  return `${label} ${text.replaceAll("\n", CONTINUED)}`;
}

function printRows(
  rows: readonly (readonly string[])[],
  none: string,
  invocation: Invocation,
  jobs: readonly { payload: string }[],
): void {
  if (rows.length === 0) return say(none);
  const header = ["ID", "QUEUE", "TYPE", "STATE", "ATTEMPTS", "AGE", "ERROR"];
  const payloads = showsPayload(invocation);
  say(
    formatTable(
      payloads ? [...header, "PAYLOAD"] : header,
      payloads ? rows.map((row, i) => [...row, jobs[i]?.payload ?? ""]) : rows,
    ),
  );
}

function isInUse({ waiting, delayed, running, dead }: QueueCounts): boolean {
  return waiting + delayed + running + dead > 0;
}

function countRow(listed: QueueCounts & { paused: boolean }): string[] {
  const { queue, waiting, delayed, running, dead, alone, paused, oldestMs } = listed;
  const oldest = waiting > alone ? formatAge(oldestMs) : "";
  const notes = [...(paused ? ["paused"] : []), ...(alone > 0 ? [`${alone} run alone`] : [])].join(", ");
  return [queue, String(waiting), String(delayed), String(running), String(dead), oldest, notes];
}

function livingRow({ id, queue, type, state, attempts, enqueuedAtMs, runAtMs, error }: LivingJob): string[] {
  const inMs = runAtMs - Date.now();
  const when =
    state === "delayed" && inMs > 0 ? `in ${formatAge(inMs)}` : formatAge(Date.now() - enqueuedAtMs);
  return [id, queue, type, state, String(attempts), when, firstLine(error)];
}

function deadRow({ id, queue, type, reason, attempt, diedAtMs, error }: DeadJob): string[] {
  return [id, queue, type, reason, String(attempt), formatAge(Date.now() - diedAtMs), firstLine(error)];
}

function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").slice(0, TEXT_SHOWN_CHARS);
}
