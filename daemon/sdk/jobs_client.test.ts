import { expect, test } from "bun:test";
import type { NewJob } from "../../shared/store/jobs/job.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { jobsClient } from "./jobs_client.ts";

/** Only what the client calls; the store itself is tested by its conformance suite. */
function recorder() {
  const stored: NewJob[][] = [];
  let closed = 0;
  const store = {
    enqueue: async (jobs: readonly NewJob[]) => void stored.push([...jobs]),
    close: async () => void closed++,
  } as Partial<JobStore> as JobStore;
  return { stored, store, closed: () => closed };
}

test("enqueue stores one job with the handler's defaults and gives its id", async () => {
  const { stored, store } = recorder();
  const client = jobsClient(() => store);
  client.useHandlers({
    send_email: { attempts: 3, timeout: "30s", backoff: (n) => n, run: () => undefined },
  });
  const id = await client.jobs.enqueue("send_email", { to: "a@b" }, { queue: "mail" });
  expect(stored[0]?.[0]).toMatchObject({
    id,
    queue: "mail",
    attempts: 3,
    timeoutMs: 30_000,
    backoff: { kind: "curve" },
  });
  await client.jobs.enqueue("toString");
  expect(stored[1]?.[0]).toMatchObject({ type: "toString", attempts: 25, payload: "null" });
});

test("enqueueMany stores all in one call and gives the ids in order; nothing is stored when one is wrong", async () => {
  const { stored, store } = recorder();
  const { jobs } = jobsClient(() => store);
  const ids = await jobs.enqueueMany([
    { type: "a", payload: 1 },
    { type: "b", delay: "1s" },
  ]);
  expect(stored).toHaveLength(1);
  expect(stored[0]?.map(({ id, type }) => [id, type])).toEqual([
    [ids[0] ?? "", "a"],
    [ids[1] ?? "", "b"],
  ]);
  expect(await jobs.enqueueMany([])).toEqual([]);
  await expect(jobs.enqueueMany([{ type: "a" }, { type: "b", attempts: 0 }])).rejects.toThrow(TypeError);
  expect(stored).toHaveLength(1);
});

test("the store is opened at the first job and closed with the client", async () => {
  const { store, closed } = recorder();
  let opened = 0;
  const client = jobsClient(() => {
    opened++;
    return store;
  });
  await client.close();
  expect([opened, closed()]).toEqual([0, 0]);
  await Promise.all([client.jobs.enqueue("a"), client.jobs.enqueue("a")]);
  await client.close();
  expect([opened, closed()]).toEqual([1, 1]);
});
