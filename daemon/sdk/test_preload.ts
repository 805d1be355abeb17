/**
 * What `trivet test` has Bun load before the tests: "trivet" on an embedded store of its own, and Elysia. It is bundled
 * into one file, since Bun as a test runner can't see into our binary; the store lies beside that file.
 */
import { join } from "node:path";
import { SqliteJobStore } from "../../shared/store/jobs/sqlite.ts";
import { compileBelow } from "./compiled_sources.ts";
import { importHandlersIfThere } from "./handlers_file.ts";
import { jobsClient } from "./jobs_client.ts";
import { trivetModule } from "./trivet_module.ts";
import { provideModules } from "./user_code.ts";

// A trivet that a test starts must be Trivet.
delete process.env["BUN_BE_BUN"];

const handlers = process.env["TRIVET_TEST_HANDLERS"];
const { jobs } = jobsClient({
  openStore: () => new SqliteJobStore(join(import.meta.dir, "jobs.db")),
  loadHandlers: async () => (handlers ? importHandlersIfThere(handlers) : {}),
});
provideModules(process.cwd(), trivetModule(jobs));
await compileBelow(process.cwd());
