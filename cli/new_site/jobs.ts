// The jobs: what a worker does, by type. A job that throws is tried again later.
import { defineJobs } from "trivet";

export default defineJobs({
  greet: {
    attempts: 5,
    timeout: "30s",
    async run({ name }: { name: string }, job) {
      job.log.info(`Hello, ${name}!`);
    },
  },
});
