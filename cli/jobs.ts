import { loadConfig } from "../shared/config/load.ts";
import { DEAD_REASONS, type DeadFilter, type DeadJob, type QueueCounts } from "../shared/store/jobs/job.ts";
import type { JobStore } from "../shared/store/jobs/job_store.ts";
import { isQueue, newJob } from "../shared/store/jobs/new_job.ts";
import { openJobStore } from "../shared/store/jobs/open.ts";
import { checkStore, ownStoreAddress } from "../shared/store/main.ts";
import { StoreError } from "../shared/store/store_error.ts";
import { sentenceOf, UserError } from "../shared/user_error.ts";
import type { Command, Invocation } from "./command.ts";
import { formatAge, formatTable } from "./table.ts";

const DEAD_SHOWN = 100;
const ERROR_SHOWN_CHARS = 100;

export const jobs: Command = {
  name: "jobs",
  usage:
    "trivet jobs ls | enqueue TYPE JSON [--queue Q] | pause QUEUE | resume QUEUE | dead [--replay] [--queue Q] [--id ID] [--type T] [--reason R]",
  summary: "look at queues, enqueue a job, pause a queue, see dead jobs or put them back",
  flags: { "--queue": true, "--replay": false, "--id": true, "--type": true, "--reason": true },
  async run(invocation) {
    const [verb = "ls", ...operands] = invocation.operands;
    switch (verb) {
      case "ls":
        return withStore(invocation, list);
      case "enqueue":
        return withStore(invocation, (store) => enqueue(store, invocation, operands));
      case "dead":
        return withStore(invocation, dead);
      case "pause":
      case "resume":
        return withStore(invocation, (store) => setPaused(store, operands, verb === "pause"));
      default:
        throw new UserError(`trivet jobs has no "${verb}": use ls, enqueue, pause, resume or dead`, 2);
    }
  },
};

async function list(store: JobStore, queues: readonly string[], json: boolean): Promise<void> {
  const counts = await store.counts(queues);
  const rules = await Promise.all(queues.map((queue) => store.rules(queue)));
  const listed = counts.map((count, i) => ({ ...count, paused: rules[i]?.paused === true }));
  if (json) print(listed);
  else
    console.log(
      formatTable(["QUEUE", "WAITING", "DELAYED", "RUNNING", "DEAD", "OLDEST", ""], listed.map(countRow)),
    );
}

/** For all workers of the store, at once and until it is resumed. */
async function setPaused(store: JobStore, [queue]: readonly string[], paused: boolean): Promise<void> {
  const verb = paused ? "pause" : "resume";
  if (!queue) throw new UserError(`name the queue: trivet jobs ${verb} default`, 2);
  if (!isQueue(queue)) throw new UserError(`${JSON.stringify(queue)} is no name of a queue`, 2);
  await store.setRules(queue, { paused });
  console.log(paused ? `${queue} is paused: what runs goes on, nothing new begins` : `${queue} goes on`);
}

async function enqueue(
  store: JobStore,
  invocation: Invocation,
  [type, text = "null"]: readonly string[],
): Promise<void> {
  if (!type)
    throw new UserError('name the job\'s type: trivet jobs enqueue send_email \'{"to":"a@example.com"}\'', 2);
  const queue = queueFlag(invocation);
  const job = asUsage(() => newJob(type, parsePayload(text), queue ? { queue } : {}));
  await store.enqueue([job]);
  if (invocation.json) print({ id: job.id });
  else console.log(job.id);
}

async function dead(
  store: JobStore,
  queues: readonly string[],
  json: boolean,
  { flags }: Invocation,
): Promise<void> {
  const filter = deadFilter(flags);
  if (flags.has("--replay")) {
    let replayed = 0;
    for (const queue of queues) replayed += await store.replay(queue, filter);
    if (json) print({ replayed });
    else console.log(`${replayed} jobs put back`);
    return;
  }
  const found = (await Promise.all(queues.map((queue) => store.dead(queue, DEAD_SHOWN, filter)))).flat();
  // A payload may hold what must not be shown.
  if (json) print(found.map(({ payload: _, ...job }) => job));
  else if (found.length === 0) console.log("no dead jobs");
  else
    console.log(
      formatTable(["ID", "QUEUE", "TYPE", "REASON", "ATTEMPT", "DIED", "ERROR"], found.map(deadRow)),
    );
}

function deadFilter(flags: Invocation["flags"]): DeadFilter {
  const [id, type, reason] = ["--id", "--type", "--reason"].map((name) => flags.get(name));
  const known = DEAD_REASONS.find((one) => one === reason);
  if (typeof reason === "string" && !known)
    throw new UserError(`--reason ${reason} is none: use ${DEAD_REASONS.join(", ")}`, 2);
  return {
    ...(typeof id === "string" && { ids: id.split(",") }),
    ...(typeof type === "string" && { type }),
    ...(known && { reason: known }),
  };
}

/** One queue by --queue, else those of [worker]. */
async function withStore(
  invocation: Invocation,
  work: (store: JobStore, queues: readonly string[], json: boolean, invocation: Invocation) => Promise<void>,
): Promise<number> {
  const { config, dir } = await loadConfig(invocation.configFile);
  const queue = queueFlag(invocation);
  const address = ownStoreAddress({ config, dir });
  await checkStore(address);
  const store = openJobStore(address);
  try {
    await work(
      store,
      queue ? [queue] : config.worker.queues.map(({ name }) => name),
      invocation.json,
      invocation,
    );
    return 0;
  } catch (error) {
    throw error instanceof StoreError ? new UserError(error.message, 1, { cause: error }) : error;
  } finally {
    await store.close();
  }
}

function queueFlag({ flags }: Invocation): string | undefined {
  const queue = flags.get("--queue");
  return typeof queue === "string" ? queue : undefined;
}

function parsePayload(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(
      `the payload is not JSON: ${sentenceOf(error)}; write it like '{"to":"a@example.com"}'`,
      2,
    );
  }
}

function asUsage<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw error instanceof TypeError ? new UserError(error.message, 2, { cause: error }) : error;
  }
}

function countRow(listed: QueueCounts & { paused: boolean }): string[] {
  const { queue, waiting, delayed, running, dead, oldestMs } = listed;
  const oldest = waiting > 0 ? formatAge(oldestMs) : "";
  const paused = listed.paused ? "paused" : "";
  return [queue, String(waiting), String(delayed), String(running), String(dead), oldest, paused];
}

function deadRow({ id, queue, type, reason, attempt, diedAtMs, error }: DeadJob): string[] {
  const [firstLine = ""] = error.split("\n");
  const shown = firstLine.slice(0, ERROR_SHOWN_CHARS);
  return [id, queue, type, reason, String(attempt), formatAge(Date.now() - diedAtMs), shown];
}

function print(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}
