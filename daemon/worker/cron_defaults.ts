/** What the handlers say for the jobs of the config's crons: only processes that load the user's code know it. */
import type { CronConfig } from "../../shared/config/schema.ts";
import { log } from "../../shared/log.ts";
import { type EnqueueOptions, newJob } from "../../shared/store/jobs/new_job.ts";
import { sentenceOf, UserError } from "../../shared/user_error.ts";
import { enqueueDefaults, type JobHandlers } from "../sdk/define_jobs.ts";
import { checkPayload } from "../sdk/payload_schema.ts";

/** By the cron's name; it goes from child to parent as JSON. */
export type CronDefaults = Readonly<Record<string, CronDefault>>;
/** JSON knows no Date: a moment goes as milliseconds since 1970. */
export type CronDefault = Omit<EnqueueOptions, "expires"> & {
  expires?: string | number;
  expiresAtMs?: number;
};

/** Throws a UserError that names a cron whose payload its handler would refuse. */
export function cronDefaults(crons: readonly CronConfig[], handlers: JobHandlers): CronDefaults {
  return Object.fromEntries(
    crons.map((cron) => {
      try {
        return [cron.name, defaultsOf(cron, handlers)];
      } catch (error) {
        throw new UserError(`cron "${cron.name}": ${sentenceOf(error)}`, 1, { cause: error });
      }
    }),
  );
}

function defaultsOf({ name, type, payload }: CronConfig, handlers: JobHandlers): CronDefault {
  const handler = Object.hasOwn(handlers, type) ? handlers[type] : undefined;
  if (!handler) {
    // Another worker's handlers file may know it.
    log.warn(`cron "${name}": no handler is named "${type}" here`);
    return {};
  }
  if (handler.schema) checkPayload(type, handler.schema, payload);
  const options = enqueueDefaults(handler, payload);
  newJob(type, payload, options);
  const { expires, ...rest } = options;
  if (expires instanceof Date) return { ...rest, expiresAtMs: expires.getTime() };
  return expires === undefined ? rest : { ...rest, expires };
}

/** As the handler gave them; what the config says of the cron wins. */
export function optionsOf(given: CronDefault = {}, queue: string | undefined): EnqueueOptions {
  const { expiresAtMs, ...options } = given;
  return {
    ...options,
    ...(expiresAtMs !== undefined && { expires: new Date(expiresAtMs) }),
    ...(queue !== undefined && { queue }),
  };
}
