/** Leases, and what becomes of the jobs of a worker that is gone. */
import { expect, test } from "bun:test";
import { STALLS_MAX } from "../../shared/store/jobs/job.ts";
import { clientsOf, PATIENCE_MS } from "./clients.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

const LEASE_MS = 300;

export function leases(store: StoreUnderTest): void {
  const { open, job, claim, settle } = clientsOf(store);

  test("renewing keeps a lease; without it another worker gets the job", async () => {
    const { client, queue } = open();
    await client.enqueue([job()]);
    expect((await claim(client)).length).toBe(1);
    for (let beganMs = performance.now(); performance.now() - beganMs < LEASE_MS * 2; ) {
      await Bun.sleep(LEASE_MS / 6);
      const renewedMs = performance.now();
      await client.leases.renew([queue], ["a", "idle"], LEASE_MS);
      const lost = await client.leases.reclaim([queue], LEASE_MS);
      if (performance.now() - renewedMs < LEASE_MS) {
        expect(lost).toBe(0);
      } else if (lost > 0) {
        // We were held up for longer than the lease ourselves: once more, from the start.
        await settle(client, await claim(client), { kind: "release" });
        expect((await claim(client)).length).toBe(1);
        beganMs = performance.now();
      }
    }
    let freed = 0;
    const endMs = performance.now() + PATIENCE_MS;
    while (freed === 0 && performance.now() < endMs) {
      await Bun.sleep(LEASE_MS / 6);
      freed += await client.leases.reclaim([queue], LEASE_MS);
    }
    expect(freed).toBe(1);
    expect(await claim(client, { owner: "b" })).toMatchObject([{ attempt: 1 }]);
  });

  test("a dead owner's jobs are free at once, the others' are not", async () => {
    const { client, queue } = open();
    await client.enqueue([job(), job(), job()]);
    const [first] = await claim(client, { max: 1 });
    expect((await claim(client, { owner: "b", max: 2 })).length).toBe(2);
    expect(await client.leases.release([queue], "b")).toBe(2);
    expect((await claim(client, { owner: "c" })).length).toBe(2);
    expect(await settle(client, first ? [first] : [], { kind: "ack" })).toEqual([true]);
  });

  test(`a job whose worker dies ${STALLS_MAX} times is dead: stalled`, async () => {
    const { client, queue } = open();
    await client.enqueue([job()]);
    for (let i = 0; i < STALLS_MAX; i++) {
      expect((await claim(client, { owner: `a${i}` })).length).toBe(1);
      expect(await client.leases.release([queue], `a${i}`)).toBe(1);
    }
    expect(await claim(client, { owner: "b" })).toEqual([]);
    expect(await client.dead(queue, 10)).toMatchObject([{ reason: "stalled", payload: job().payload }]);
    // Replayed, it has its chances again.
    expect(await client.replay(queue)).toBe(1);
    await claim(client, { owner: "b" });
    await client.leases.release([queue], "b");
    expect((await claim(client, { owner: "c" })).length).toBe(1);
  });
}
