/** The process that relays the outbox: PostgreSQL's library is kept away from those who must not die with it. */
import { Metrics } from "../metrics.ts";
import { ParentLink } from "../process/parent_link.ts";
import { openJobStore } from "../store/jobs/open.ts";
import type { StoreAddress } from "../store/store_address.ts";
import type { OutboxNotice } from "./outbox_notice.ts";
import { OutboxRelay } from "./relay.ts";

export interface OutboxBoot {
  url: string;
  store: StoreAddress;
}

export function runChild(): void {
  const metrics = new Metrics();
  const relayed = metrics.counter(
    "trivet_jobs_outbox_relayed_total",
    "Jobs moved from the outbox to the store",
  );
  const link = new ParentLink<OutboxBoot, never, OutboxNotice>("outbox", metrics);
  let relay: OutboxRelay | undefined;
  link.run({
    async boot({ url, store }) {
      relay = new OutboxRelay(url, openJobStore(store), relayed, (trouble) =>
        link.tell({ trouble: trouble ?? null }),
      );
      relay.start();
    },
    async drain() {
      await relay?.stop();
    },
  });
}
