/** Random schedules, against models. */
import { test } from "bun:test";
import { clientsOf, freshQueue } from "./clients.ts";
import { checkAgainstModel } from "./model.ts";
import { checkOptionsAgainstModel } from "./option_model.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

export function schedules(store: StoreUnderTest): void {
  const { open } = clientsOf(store);

  test("keeps every job where it must be, in any order of events", async () => {
    const { client } = open();
    await checkAgainstModel(() => client, freshQueue);
  }, 300_000);

  test("loses nothing and breaks no limit, in any order of events, crashes and clock steps", async () => {
    const { client } = open();
    await checkOptionsAgainstModel(() => client, freshQueue, store);
  }, 300_000);
}
