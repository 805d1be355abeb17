import { isJsonObject } from "../../shared/json_object.ts";
import { newJob } from "../../shared/store/jobs/new_job.ts";
import { type CronDefault, type CronDefaults, optionsOf } from "./cron_defaults.ts";

/** What a worker process says before it is ready. */
export interface WorkerNews {
  kind: "crons";
  defaults: CronDefaults;
}

/** Undefined when it is none, or speaks of other crons than `names`, or for one that can't be enqueued by what it says. */
export function readWorkerNews(body: unknown, names: readonly string[]): WorkerNews | undefined {
  if (!isJsonObject(body) || body["kind"] !== "crons") return undefined;
  const { defaults: given } = body;
  if (!isJsonObject(given)) return undefined;
  const defaults: Record<string, CronDefault> = {};
  for (const [name, options] of Object.entries(given)) {
    if (!names.includes(name) || !isJsonObject(options) || !canBeEnqueued(name, options)) return undefined;
    defaults[name] = options;
  }
  return { kind: "crons", defaults };
}

/** As newJob() says, which checks every option. */
function canBeEnqueued(name: string, options: CronDefault): boolean {
  try {
    newJob(name, null, optionsOf(options, undefined));
    return true;
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return false;
    throw error;
  }
}
