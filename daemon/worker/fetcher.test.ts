import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { ClaimedJob } from "../../shared/store/jobs/job.ts";
import { newJob } from "../../shared/store/jobs/new_job.ts";
import { SqliteJobStore } from "../../shared/store/jobs/sqlite.ts";
import { Folder } from "../../test/harness/folder.ts";
import { until } from "../../test/harness/until.ts";
import { Fetcher, type Taker } from "./fetcher.ts";

/** Takes jobs into its hands and lets go of them when told to. */
class Hands implements Taker {
  readonly held: ClaimedJob[] = [];
  readonly seen: ClaimedJob[] = [];
  most = 0;
  readonly #slots: number;
  #ended = Promise.withResolvers<void>();

  constructor(slots: number) {
    this.#slots = slots;
  }

  get free(): number {
    return Math.max(0, this.#slots - this.held.length);
  }

  jobEnded(): Promise<void> {
    return this.#ended.promise;
  }

  take({ jobs }: { jobs: ClaimedJob[] }): void {
    this.held.push(...jobs);
    this.seen.push(...jobs);
    this.most = Math.max(this.most, this.held.length);
  }

  letGo(): void {
    this.held.length = 0;
    const { resolve } = this.#ended;
    this.#ended = Promise.withResolvers();
    resolve();
  }
}

describe("the fetcher", () => {
  let folder: Folder;
  let store: SqliteJobStore;
  beforeEach(async () => {
    folder = await Folder.make();
    store = new SqliteJobStore(join(folder.path, "trivet.db"));
  });
  afterEach(async () => {
    await store.close();
    await folder[Symbol.asyncDispose]();
  });

  const fetch = (queues: string[], hands: Hands, batch = 10) => {
    const shares = queues.map((name) => ({ name, weight: 1 }));
    const fetcher = new Fetcher(
      store,
      { owner: "me", queues: shares, batch, blockMs: 60_000, alone: false },
      hands,
      {
        value: 0,
      },
    );
    fetcher.start();
    return fetcher;
  };

  test("never claims more than there are free slots, and goes on when one is free", async () => {
    const hands = new Hands(3);
    await store.enqueue(Array.from({ length: 7 }, () => newJob("x", 1)));
    const fetcher = fetch(["default"], hands);
    for (const seen of [3, 6, 7]) {
      await until(() => hands.seen.length === seen, `${seen} jobs came`);
      hands.letGo();
    }
    expect(hands.most).toBe(3);
    await fetcher.quiet();
  });

  test("one slot serves several queues in turn, and waits on all of them", async () => {
    const hands = new Hands(1);
    const queues = ["a", "b", "c"];
    for (const queue of queues)
      await store.enqueue(Array.from({ length: 3 }, () => newJob("x", 1, { queue })));
    const fetcher = fetch(queues, hands);
    for (let seen = 1; seen <= 9; seen++) {
      await until(() => hands.seen.length === seen, `${seen} jobs came`);
      hands.letGo();
    }
    // None starves: after six jobs each queue had at least one.
    expect(new Set(hands.seen.slice(0, 6).map(({ queue }) => queue)).size).toBe(3);
    await store.enqueue([newJob("x", 1, { queue: "c" })]);
    await until(() => hands.seen.length === 10, "a job of the last queue wakes it");
    expect(hands.most).toBe(1);
    await fetcher.quiet();
  });

  test("when quiet it ends its wait and takes nothing new", async () => {
    const hands = new Hands(2);
    const fetcher = fetch(["a", "b"], hands);
    await Bun.sleep(20);
    await fetcher.quiet();
    await store.enqueue([newJob("x", 1, { queue: "a" })]);
    expect((await store.claim("a", "other", 1, 0, new AbortController().signal)).jobs.length).toBe(1);
    expect(hands.seen).toEqual([]);
  });
});
