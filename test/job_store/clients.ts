import { afterEach } from "bun:test";
import type { ClaimedJob, NewJob, Outcome, QueueCounts, WorkerEnd } from "../../shared/store/jobs/job.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { type EnqueueOptions, newJob } from "../../shared/store/jobs/new_job.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

/** How long a claim may wait that must be woken far sooner. */
export const WAIT_MS = 60_000;
/** Only what is broken takes this long, on a busy machine too. */
export const PATIENCE_MS = 30_000;

/** A worker that was told to end, and two that died: with one job, and with several. */
export const STOPPED: WorkerEnd = { kind: "stopped" };
export const DIED_ALONE: WorkerEnd = { kind: "died", alone: true, how: "it ended with code 7" };
export const DIED: WorkerEnd = { ...DIED_ALONE, alone: false };

let queues = 0;

export function freshQueue(): string {
  return `q${++queues}`;
}

export function idsOf(jobs: readonly { id: string }[]): string[] {
  return jobs.map(({ id }) => id);
}

interface ClaimWish {
  owner?: string;
  max?: number;
  waitMs?: number;
  alone?: boolean;
}

/** What a suite's tests do with clients of the store; all are about the queue of the test that runs. */
export interface Clients {
  /** Another client; the first one of a test gives it a queue that no other test has used. Closed when the test ends. */
  open(): { client: JobStore; queue: string };
  job(options?: EnqueueOptions, type?: string): NewJob;
  /** By default up to ten for "a", without waiting. */
  claim(client: JobStore, wish?: ClaimWish): Promise<ClaimedJob[]>;
  /** As the supervisor does it: let go what may, then claim for "a", until something comes. */
  claimSoon(client: JobStore, max?: number): Promise<ClaimedJob[]>;
  settle(client: JobStore, jobs: readonly ClaimedJob[], outcome: Outcome, owner?: string): Promise<boolean[]>;
  counts(client: JobStore): Promise<QueueCounts | undefined>;
}

export function clientsOf(store: StoreUnderTest): Clients {
  let opened: JobStore[] = [];
  let queue = "";
  const { signal } = new AbortController();

  afterEach(async () => {
    for (const client of opened) await client.close();
    opened = [];
  });

  async function claim(
    client: JobStore,
    { owner = "a", max = 10, waitMs = 0, alone = false }: ClaimWish = {},
  ): Promise<ClaimedJob[]> {
    return (await client.claim(queue, owner, max, waitMs, signal, alone)).jobs;
  }

  return {
    open() {
      if (opened.length === 0) queue = freshQueue();
      const client = store.open();
      opened.push(client);
      return { client, queue };
    },
    job: (options = {}, type = "x") => newJob(type, 1, { queue, ...options }),
    claim,
    async claimSoon(client, max = 10) {
      const endMs = performance.now() + PATIENCE_MS;
      while (performance.now() < endMs) {
        await client.leases.promote([queue], 100);
        const jobs = await claim(client, { max, waitMs: 10 });
        if (jobs.length > 0) return jobs;
      }
      return [];
    },
    settle: (client, jobs, outcome, owner = "a") =>
      client.settle(
        owner,
        jobs.map(({ fence }) => ({ queue, fence, outcome })),
      ),
    counts: async (client) => (await client.counts([queue]))[0],
  };
}
