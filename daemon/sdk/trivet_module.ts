import { defineJobs } from "./define_jobs.ts";
import type { Jobs } from "./jobs_client.ts";
import { Shutdown } from "./shutdown.ts";

/** What `import … from "trivet"` gives in a user's file. */
export interface TrivetModule {
  jobs: Jobs;
  defineJobs: typeof defineJobs;
  onShutdown: Shutdown["onShutdown"];
}

/** Without a `shutdown` of the caller's, nobody runs what onShutdown is given. */
export function trivetModule(jobs: Jobs, shutdown = new Shutdown()): TrivetModule {
  return { jobs, defineJobs, onShutdown: shutdown.onShutdown };
}
