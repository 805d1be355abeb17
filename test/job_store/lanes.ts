/** The order of lanes. */
import { expect, test } from "bun:test";
import { clientsOf, PATIENCE_MS } from "./clients.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

export function lanes(store: StoreUnderTest): void {
  const { open, job, claim, claimSoon, settle } = clientsOf(store);

  test("lanes: high before normal before low, and none starves", async () => {
    const { client } = open();
    const many = (lane: "high" | "normal" | "low") => Array.from({ length: 40 }, () => job({ lane }));
    await client.enqueue([...many("low"), ...many("normal"), ...many("high")]);
    const seen: string[] = [];
    for (let i = 0; i < 32; i++) seen.push(...(await claim(client, { max: 1 })).map(({ lane }) => lane));
    const times = (lane: string) => seen.filter((one) => one === lane).length;
    expect(seen.slice(0, 2)).toEqual(["high", "high"]);
    expect([times("high"), times("normal"), times("low")]).toEqual([24, 6, 2]);
    expect((await claim(client, { max: 1000 })).length).toBe(88);
    expect(await claim(client, { max: 1 })).toEqual([]);
    // A lane survives a retry, a delay and a lost worker.
    await client.enqueue([job({ lane: "low", delay: 20 })]);
    const [low] = await claimSoon(client);
    await settle(client, low ? [low] : [], { kind: "retry", delayMs: 20, error: "x" });
    expect(await claimSoon(client)).toMatchObject([{ lane: "low", attempt: 2 }]);
  });

  test("a waiting claim is woken by every lane", async () => {
    const { client } = open();
    for (const lane of ["low", "high", "normal"] as const) {
      const waiting = claim(client, { max: 1, waitMs: PATIENCE_MS });
      await Bun.sleep(30);
      await client.enqueue([job({ lane })]);
      expect(await waiting).toMatchObject([{ lane }]);
    }
  });
}
