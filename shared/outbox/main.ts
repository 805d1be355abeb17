/** Relays jobs that apps enqueue inside their PostgreSQL transactions to the store. */
import { Fleet } from "../process/fleet.ts";
import type { Mode } from "../process/mode.ts";
import type { Site } from "../process/site.ts";
import type { StoreAddress } from "../store/store_address.ts";
import type { OutboxBoot } from "./child.ts";
import { type OutboxNotice, readOutboxNotice } from "./outbox_notice.ts";

const BOOT_WAIT_MS = 10_000;
const DRAIN_WAIT_MS = 5_000;

/** Undefined without [database] primary: then there is no outbox. */
export function outboxMode(site: Site, store: StoreAddress): Mode | undefined {
  const url = site.config.database.primary;
  if (url === "") return undefined;
  let trouble: string | null = null;
  const fleet = new Fleet<OutboxBoot, never, OutboxNotice>({
    kind: "outbox",
    slots: 1,
    deadlines: () => ({ bootMs: BOOT_WAIT_MS, drainMs: DRAIN_WAIT_MS }),
    boot: () => ({ url, store }),
    read: readOutboxNotice,
    onMessage: (_child, notice) => {
      trouble = notice.trouble;
    },
    onGone: () => {
      trouble = null;
    },
  });
  return {
    name: "outbox",
    start: () => fleet.start(),
    children: () => fleet.status(),
    status: async () => ({}),
    samples: () => fleet.samples(),
    settle: () => fleet.settle(),
    complaint: () => fleet.complaint() ?? trouble ?? undefined,
    drain: () => fleet.drain(DRAIN_WAIT_MS),
    kill: () => fleet.kill(),
  };
}
