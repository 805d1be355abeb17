/** What holds for a queue, and what a store keeps of crons. */
import { expect, test } from "bun:test";
import { clientsOf, PATIENCE_MS } from "./clients.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

export function queueRules(store: StoreUnderTest): void {
  const { open, job, claim, counts } = clientsOf(store);

  test("a paused queue gives nothing, to whoever waits, until it goes on", async () => {
    const [{ client: one, queue }, { client: two }] = [open(), open()];
    const waiting = claim(one, { waitMs: PATIENCE_MS });
    await Bun.sleep(30);
    await two.setRules(queue, { paused: true });
    expect(await one.rules(queue)).toMatchObject({ paused: true });
    await two.enqueue([job()]);
    expect(await claim(two, { owner: "b", waitMs: 60 })).toEqual([]);
    expect(await Promise.race([waiting, Bun.sleep(50).then(() => "waits")])).toBe("waits");
    expect(await counts(two)).toMatchObject({ waiting: 1, running: 0 });
    await two.setRules(queue, { paused: false });
    expect((await waiting).length).toBe(1);
  });

  test("remembers up to when a cron was looked after, and never goes back", async () => {
    const { client, queue } = open();
    expect(await client.crons.last(queue)).toBeUndefined();
    await client.crons.done(queue, 1_800_000_000_000);
    await client.crons.done(queue, 1_700_000_000_000);
    expect(await client.crons.last(queue)).toBe(1_800_000_000_000);
  });
}
