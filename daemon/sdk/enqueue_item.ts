/** From what a caller of enqueue says to the job that is stored. */
import type { NewJob } from "../../shared/store/jobs/job.ts";
import { type EnqueueOptions, encodePayload, newJob } from "../../shared/store/jobs/new_job.ts";
import { sentenceOf } from "../../shared/user_error.ts";
import { enqueueDefaults, type JobHandler, type JobHandlers } from "./define_jobs.ts";
import { checkPayload } from "./payload_schema.ts";

export interface EnqueueItem extends EnqueueOptions {
  type: string;
  payload?: unknown;
}

const LOST = ["type", "payload"];

/** Throws a TypeError when type or payload stand among the options: they would be lost. */
export function oneItem(type: string, payload: unknown, options: EnqueueOptions): EnqueueItem {
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw new TypeError(
      `job "${type}": options is ${Bun.inspect(options).slice(0, 100)}: it must be an object`,
    );
  const lost = LOST.find((name) => Object.hasOwn(options, name));
  if (lost) throw new TypeError(`job "${type}": there is no option "${lost}": it stands before the options`);
  return { ...options, type, payload };
}

/** With what the handlers say. Throws a TypeError that names what is wrong. */
export function createOne({ type, payload, ...rest }: EnqueueItem, handlers: JobHandlers): NewJob {
  const options = given(rest);
  const handler = Object.hasOwn(handlers, type) ? handlers[type] : undefined;
  if (!handler) return newJob(type, payload, options);
  // As the worker will see it: a Date, say, is a text there.
  if (handler.schema) checkPayload(type, handler.schema, JSON.parse(encodePayload(type, payload)));
  return newJob(type, payload, Object.assign(defaultsOf(type, handler, payload), options));
}

/** A handler's own function may fail on a payload without a schema. */
function defaultsOf(type: string, handler: JobHandler, payload: unknown): EnqueueOptions {
  try {
    return enqueueDefaults(handler, payload);
  } catch (error) {
    throw new TypeError(`job "${type}": limit.key failed on this payload: ${sentenceOf(error)}`, {
      cause: error,
    });
  }
}

/** An option that is undefined is one its caller says nothing about: the handler's stands. The object is changed. */
function given(options: EnqueueOptions): EnqueueOptions {
  for (const name of Object.keys(options) as (keyof EnqueueOptions)[])
    if (options[name] === undefined) delete options[name];
  return options;
}
