import type { Diagnosis } from "../../shared/doctor/diagnosis.ts";
import { readRedisFacts } from "../../shared/doctor/redis_facts.ts";
import { checkRedisKeepsJobs } from "../../shared/doctor/redis_health.ts";
import { log } from "../../shared/log.ts";
import { sentenceOf } from "../../shared/user_error.ts";

/** Says in the log what of this Redis would lose jobs; `trivet doctor` says all of it. */
export async function warnOfRedis(url: string): Promise<void> {
  try {
    for (const diagnosis of checkRedisKeepsJobs(await readRedisFacts(url)).filter(losesJobs)) {
      const { name, saw, why, change } = diagnosis;
      log.warn({ change }, `${name}: ${saw}; ${why}`);
    }
  } catch (error) {
    log.warn(`what Redis is set to can't be seen: ${sentenceOf(error)}`);
  }
}

function losesJobs({ name, verdict }: Diagnosis): boolean {
  // Who may not see the settings is told so, too.
  return (
    verdict === "broken" || (verdict === "advice" && ["Redis persistence", "Redis settings"].includes(name))
  );
}
