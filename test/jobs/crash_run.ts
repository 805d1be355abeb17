import { newJob } from "../../shared/store/jobs/new_job.ts";
import { until } from "../harness/until.ts";
import { type CrashSite, FAILS_ALWAYS, QUEUE } from "./crash_site.ts";

const BATCH = 50;
/** Enqueued ahead of what has run, so that kills meet full hands. */
const AHEAD_MAX = 4_000;
const DEAD_MAX = 10_000;

export interface CrashPlan {
  /** How many jobs to have acknowledged. */
  jobs: number;
  /** What happens, evenly spread over the run. */
  blows: readonly ((acknowledged: ReadonlyMap<string, number>) => Promise<unknown>)[];
  /** Ids of jobs that the store may lose by its own settings; a blow adds to them. */
  mayLose?: ReadonlySet<string>;
  durable?: boolean;
  settleTimeoutMs?: number;
}

export interface CrashReport {
  acknowledged: number;
  /** Enqueues that failed; they may be stored all the same. */
  refused: number;
  /** Acknowledged jobs that neither ran nor are dead. */
  lost: number;
  /** The same of those that the store may lose. */
  lostByTheStore?: number;
  /** Effects beyond the first of a job. */
  repeated: number;
  /** Dead jobs by reason. */
  dead: Record<string, number>;
  /** Jobs that should be dead and are not, or the other way round, but for those whose workers died too often. */
  odd: number;
  seconds: number;
}

/** Enqueues jobs while blows fall, waits until the queue is empty, and counts what became of each. */
export async function crashRun(site: CrashSite, plan: CrashPlan): Promise<CrashReport> {
  const startedAtMs = performance.now();
  const { blows, mayLose = new Set() } = plan;
  const acknowledged = new Map<string, number>();
  let refused = 0;
  let enqueuing = true;
  const enqueuer = (async () => {
    for (let n = 0; acknowledged.size < plan.jobs; ) {
      if (acknowledged.size - mayLose.size - site.effects().length > AHEAD_MAX) {
        await Bun.sleep(20);
        continue;
      }
      const jobs = Array.from({ length: BATCH }, () =>
        newJob("work", { n: n++ }, { queue: QUEUE, ...(plan.durable ? { durable: true } : {}) }),
      );
      try {
        await site.store.enqueue(jobs);
        for (const job of jobs) acknowledged.set(job.id, (JSON.parse(job.payload) as { n: number }).n);
      } catch {
        refused += BATCH;
        await Bun.sleep(50);
      }
    }
    enqueuing = false;
  })();

  for (const [i, blow] of blows.entries()) {
    const target = (plan.jobs * (i + 1)) / (blows.length + 2);
    await until(() => site.effects().length >= target, `${target} jobs have run`, 120_000);
    await blow(acknowledged);
  }
  await enqueuer;
  await until(
    async () => {
      const [counts] = await site.store.counts([QUEUE]);
      return !enqueuing && counts && counts.waiting + counts.delayed + counts.running === 0;
    },
    "every job has ended",
    plan.settleTimeoutMs ?? 90_000,
  ).catch(async (error: Error) => {
    throw new Error(`${error.message}; ${JSON.stringify(await site.store.counts([QUEUE]))}`);
  });
  const promised = new Map([...acknowledged].filter(([id]) => !mayLose.has(id)));
  const report = { ...(await account(site, promised)), refused, seconds: secondsSince(startedAtMs) };
  report.acknowledged = acknowledged.size;
  if (mayLose.size === 0) return report;
  const others = new Map([...acknowledged].filter(([id]) => mayLose.has(id)));
  return { ...report, lostByTheStore: (await account(site, others)).lost };
}

async function account(
  site: CrashSite,
  acknowledged: ReadonlyMap<string, number>,
): Promise<Omit<CrashReport, "refused" | "seconds">> {
  const effects = site.effects();
  const ran = new Set(effects);
  const dead = new Map((await site.store.dead(QUEUE, DEAD_MAX)).map((job) => [job.id, job.reason]));
  const lost = [...acknowledged.keys()].filter((id) => !ran.has(id) && !dead.has(id));
  const odd = [...acknowledged].filter(([id, n]) => {
    const reason = dead.get(id);
    return (n % 100 === FAILS_ALWAYS) !== (reason === "exhausted") && reason !== "stalled";
  });
  const reasons: Record<string, number> = {};
  for (const reason of dead.values()) reasons[reason] = (reasons[reason] ?? 0) + 1;
  return {
    acknowledged: acknowledged.size,
    lost: lost.length,
    repeated: effects.length - ran.size,
    dead: reasons,
    odd: odd.length,
  };
}

function secondsSince(startedAtMs: number): number {
  return Math.round((performance.now() - startedAtMs) / 100) / 10;
}
