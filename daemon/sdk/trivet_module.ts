import { defineJobs } from "./define_jobs.ts";
import type { Jobs } from "./jobs_client.ts";

/** What `import … from "trivet"` gives in a user's file. */
export interface TrivetModule {
  jobs: Jobs;
  defineJobs: typeof defineJobs;
}

export function trivetModule(jobs: Jobs): TrivetModule {
  return { jobs, defineJobs };
}
