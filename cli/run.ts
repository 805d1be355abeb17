import { resolve } from "node:path";
import { importHandlersIfThere } from "../daemon/sdk/handlers_file.ts";
import { jobsClient } from "../daemon/sdk/jobs_client.ts";
import { Shutdown } from "../daemon/sdk/shutdown.ts";
import { trivetModule } from "../daemon/sdk/trivet_module.ts";
import { folderOf, importMainFile, provideModules } from "../daemon/sdk/user_code.ts";
import { loadConfig } from "../shared/config/load.ts";
import { openJobStore } from "../shared/store/jobs/open.ts";
import { ownStoreAddress } from "../shared/store/main.ts";
import { UserError } from "../shared/user_error.ts";
import type { Runner } from "./command.ts";

/** A connection to Redis would hold the script for ever. */
const STORE_IDLE_MS = 100;

export const run: Runner = {
  async run({ configFile, operands: [file, ...args] }) {
    if (!file) throw new UserError('trivet run needs a file: "trivet run script.ts"', 2);
    const script = resolve(file);
    const { config, dir } = await loadConfig(configFile);
    const client = jobsClient({
      openStore: () => openJobStore(ownStoreAddress({ config, dir })),
      loadHandlers: () => importHandlersIfThere(config.worker.handlers),
      idleMs: STORE_IDLE_MS,
    });
    const shutdown = new Shutdown();
    provideModules(folderOf(script), trivetModule(client.jobs, shutdown));
    const ended = new Promise<void>((resolveEnded) => process.once("beforeExit", () => resolveEnded()));
    try {
      await importMainFile(script, args);
      // What the script started and did not wait for.
      await ended;
      await shutdown.run();
    } finally {
      await client.close();
    }
    return Number(process.exitCode ?? 0);
  },
};
