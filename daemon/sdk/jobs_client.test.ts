import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import type { NewJob } from "../../shared/store/jobs/job.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { until } from "../../test/harness/until.ts";
import { jobsClient } from "./jobs_client.ts";

/** Only what the client calls; the store itself is tested by its conformance suite. */
function recorder() {
  const stored: NewJob[][] = [];
  let closed = 0;
  const store = {
    enqueue: async (jobs: readonly NewJob[]) => {
      stored.push([...jobs]);
      return jobs.map(({ id }) => id);
    },
    close: async () => void closed++,
  } as Partial<JobStore> as JobStore;
  return { stored, store, closed: () => closed };
}

test("enqueue stores one job and gives its id", async () => {
  const { stored, store } = recorder();
  const { jobs } = jobsClient({ openStore: () => store });
  const id = await jobs.enqueue("send_email", { to: "a@b" }, { queue: "mail" });
  expect(stored[0]?.[0]).toMatchObject({ id, queue: "mail", payload: '{"to":"a@b"}', attempts: null });
});

test("a payload that does not match the handler's schema is refused", async () => {
  const { stored, store } = recorder();
  const client = jobsClient({ openStore: () => store });
  const schema = Type.Object({ mail: Type.Object({ to: Type.String() }) });
  client.useHandlers({ send_email: { schema, run: () => undefined } });
  await expect(client.jobs.enqueue("send_email", { mail: { to: 1 } })).rejects.toThrow(
    'job "send_email": payload.mail.to does not match its schema: Expected string',
  );
  expect(stored).toHaveLength(0);
  await client.jobs.enqueue("send_email", { mail: { to: "a@b" } });
  await client.jobs.enqueue("toString");
  expect(stored).toHaveLength(2);
});

test("a payload is checked as the worker will see it: what would be dead there is refused here", async () => {
  const { stored, store } = recorder();
  const client = jobsClient({ openStore: () => store });
  client.useHandlers({
    remind: { schema: Type.Object({ at: Type.Date() }), run: () => undefined },
    nothing: { schema: Type.Null(), run: () => undefined },
  });
  await expect(client.jobs.enqueue("remind", { at: new Date() })).rejects.toThrow(
    "payload.at does not match",
  );
  await client.jobs.enqueue("nothing");
  expect(stored).toHaveLength(1);
});

test("type and payload among the options, options that are none, and a key function that fails are refused", async () => {
  const { stored, store } = recorder();
  const client = jobsClient({ openStore: () => store });
  client.useHandlers({
    a: {
      limit: { concurrency: 1, key: (payload) => (payload as { b: { c: string } }).b.c },
      run: () => undefined,
    },
  });
  const { jobs } = client;
  await expect(jobs.enqueue("b", 1, { type: "c" } as object)).rejects.toThrow('there is no option "type"');
  await expect(jobs.enqueue("b", 1, [] as object)).rejects.toThrow("options is []: it must be an object");
  await expect(jobs.enqueue("a", {})).rejects.toThrow('job "a": limit.key failed on this payload');
  expect(stored).toHaveLength(0);
});

test("enqueueMany stores all in one call and gives the ids in order; nothing is stored when one is wrong", async () => {
  const { stored, store } = recorder();
  const { jobs } = jobsClient({ openStore: () => store });
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
  const large = { type: "a", payload: "x".repeat(1024 ** 2 - 2) };
  await expect(jobs.enqueueMany(Array.from({ length: 100 }, () => large))).rejects.toThrow(
    "enqueueMany: entry 64: up to here the payloads have over 64 MiB: enqueue them in parts",
  );
  await expect(jobs.enqueueMany([{ type: "a" }, { type: "b", attempts: 0 }])).rejects.toThrow(
    'enqueueMany: entry 1: job "b": attempts is 0',
  );
  expect(stored).toHaveLength(1);
});

test("the store is opened at the first job and closed with the client", async () => {
  const { store, closed } = recorder();
  let opened = 0;
  const client = jobsClient({
    openStore: () => {
      opened++;
      return store;
    },
  });
  await client.close();
  expect([opened, closed()]).toEqual([0, 0]);
  await Promise.all([client.jobs.enqueue("a"), client.jobs.enqueue("a")]);
  await client.close();
  expect([opened, closed()]).toEqual([1, 1]);
});

test("handlers are loaded at the first job, and the store let go of when nothing follows", async () => {
  const { stored, store, closed } = recorder();
  const client = jobsClient({
    openStore: () => store,
    loadHandlers: async () => ({ a: { schema: Type.Number(), run: () => undefined } }),
    idleMs: 1,
  });
  await expect(client.jobs.enqueue("a", "b")).rejects.toThrow("Expected number");
  await client.jobs.enqueue("a", 1);
  expect(stored).toHaveLength(1);
  await until(closed, "the store is closed");
});

test("what is undefined leaves the handler's default, false takes it away", async () => {
  const { stored, store } = recorder();
  const client = jobsClient({ openStore: () => store });
  client.useHandlers({ mail: { queue: "mail", keep: "1h", unique: true, run: () => undefined } });
  const options: object = { queue: undefined, keep: false, unique: false };
  await client.jobs.enqueue("mail", 1, options);
  expect(stored[0]?.[0]).toMatchObject({ queue: "mail", record: null, unique: null });
});

test("ids, entries and options that are none are refused in a sentence", async () => {
  const { stored, store } = recorder();
  const { jobs } = jobsClient({ openStore: () => store });
  const many = [{ type: "a" }, null] as unknown as { type: string }[];
  await expect(jobs.enqueueMany(many)).rejects.toThrow("enqueueMany: entry 1 is null: it must be { type");
  expect(stored).toHaveLength(0);
  for (const call of [jobs.get, jobs.wait, jobs.cancel]) {
    await expect(call({ id: "a" } as unknown as string)).rejects.toThrow(/^a job's id is a text, not {/);
  }
  const typo: object = { timout: "1s" };
  await expect(jobs.wait("a", typo)).rejects.toThrow('jobs.wait has no option "timout": use timeout, signal');
});
