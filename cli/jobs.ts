import { loadConfig } from "../shared/config/load.ts";
import type { DeadJob, QueueCounts } from "../shared/store/jobs/job.ts";
import type { JobStore } from "../shared/store/jobs/job_store.ts";
import { newJob } from "../shared/store/jobs/new_job.ts";
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
  usage: "trivet jobs ls | enqueue TYPE JSON [--queue Q] | dead [--replay] [--queue Q]",
  summary: "look at queues, enqueue a job, see dead jobs or put them back",
  flags: { "--queue": true, "--replay": false },
  async run(invocation) {
    const [verb = "ls", ...operands] = invocation.operands;
    switch (verb) {
      case "ls":
        return withStore(invocation, list);
      case "enqueue":
        return withStore(invocation, (store) => enqueue(store, invocation, operands));
      case "dead":
        return withStore(invocation, dead);
      default:
        throw new UserError(`trivet jobs has no "${verb}": use ls, enqueue or dead`, 2);
    }
  },
};

async function list(store: JobStore, queues: readonly string[], json: boolean): Promise<void> {
  const counts = await store.counts(queues);
  if (json) print(counts);
  else
    console.log(
      formatTable(["QUEUE", "WAITING", "DELAYED", "RUNNING", "DEAD", "OLDEST"], counts.map(countRow)),
    );
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
  if (flags.has("--replay")) {
    let replayed = 0;
    for (const queue of queues) replayed += await store.replay(queue);
    if (json) print({ replayed });
    else console.log(`${replayed} jobs put back`);
    return;
  }
  const found = (await Promise.all(queues.map((queue) => store.dead(queue, DEAD_SHOWN)))).flat();
  // A payload may hold what must not be shown.
  if (json) print(found.map(({ payload: _, ...job }) => job));
  else if (found.length === 0) console.log("no dead jobs");
  else
    console.log(
      formatTable(["ID", "QUEUE", "TYPE", "REASON", "ATTEMPT", "DIED", "ERROR"], found.map(deadRow)),
    );
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

function countRow({ queue, waiting, delayed, running, dead, oldestMs }: QueueCounts): string[] {
  const oldest = waiting > 0 ? formatAge(oldestMs) : "";
  return [queue, String(waiting), String(delayed), String(running), String(dead), oldest];
}

function deadRow({ id, queue, type, reason, attempt, diedAtMs, error }: DeadJob): string[] {
  const [firstLine = ""] = error.split("\n");
  const shown = firstLine.slice(0, ERROR_SHOWN_CHARS);
  return [id, queue, type, reason, String(attempt), formatAge(Date.now() - diedAtMs), shown];
}

function print(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}
