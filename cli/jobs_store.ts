/** The store as `trivet jobs` uses it: opened for one command. */
import { existsSync } from "node:fs";
import { loadConfig } from "../shared/config/load.ts";
import type { JobStore } from "../shared/store/jobs/job_store.ts";
import { isQueue } from "../shared/store/jobs/new_job.ts";
import { openJobStore } from "../shared/store/jobs/open.ts";
import { checkStore, ownStoreAddress } from "../shared/store/main.ts";
import { StoreError } from "../shared/store/store_error.ts";
import { UserError } from "../shared/user_error.ts";
import { lookAround } from "./admin_client.ts";
import type { Invocation } from "./command.ts";

export interface OpenedStore {
  store: JobStore;
  /** The one of --queue, else those of [worker] and all others that jobs were ever in. */
  queues: readonly string[];
  /** How many of them, from the first, are to be told of also when they are empty. */
  expected: number;
  /** The handlers file. */
  handlers: string;
}

/** Runs `work`, then closes the store. Throws a UserError when the store can't be used. */
export async function withStore(
  invocation: Invocation,
  work: (opened: OpenedStore) => Promise<void>,
): Promise<number> {
  const { config, dir } = await loadConfig(invocation.configFile);
  const named = flagText(invocation, "--queue");
  if (named !== undefined && !isQueue(named))
    throw new UserError(`${JSON.stringify(named)} is no name of a queue`, 2);
  const address = ownStoreAddress({ config, dir });
  await checkStore(address);
  if (address.kind === "sqlite" && !existsSync(address.path)) await mustNotBeMissed(invocation, address.path);
  const store = openJobStore(address);
  try {
    const configured = config.worker.queues.map(({ name }) => name);
    const queues = named ? [named] : [...new Set([...configured, ...(await store.desk.queues())])];
    await work({
      ...{ store, queues, expected: named ? 1 : configured.length },
      handlers: config.worker.handlers,
    });
    return 0;
  } catch (error) {
    throw error instanceof StoreError ? new UserError(error.message, 1, { cause: error }) : error;
  } finally {
    await store.close();
  }
}

/**
 * A store process whose file was removed waits until it is put back: a new one that we make would be taken for that.
 * Throws a UserError when one here misses this file.
 */
async function mustNotBeMissed(invocation: Invocation, path: string): Promise<void> {
  for (const { status } of (await lookAround(invocation)).own) {
    const store = status.modes["store"];
    const { trouble } = store ?? {};
    if (store?.["path"] === path && typeof trouble === "string") throw new UserError(trouble);
  }
}

export function flagText({ flags }: Invocation, name: string): string | undefined {
  const value = flags.get(name);
  return typeof value === "string" ? value : undefined;
}

/** A payload may hold what must not be shown: only on demand. */
export function showsPayload({ flags }: Invocation): boolean {
  return flags.has("--payload");
}
