import { claimStdout } from "../shared/line_sink.ts";
import { Metrics } from "../shared/metrics.ts";
import { ParentLink } from "../shared/process/parent_link.ts";
import { sentenceOf } from "../shared/user_error.ts";
import { DataPlane } from "./data_plane.ts";
import type { ProxyBoot, ProxyDown } from "./plan.ts";
import type { ProxyUp } from "./proxy_up.ts";

/** A data-plane process: accepts on the descriptors it inherited until told to drain. */
export function runChild(): void {
  const metrics = new Metrics();
  const link = new ParentLink<ProxyBoot, ProxyDown, ProxyUp>("proxy", metrics);
  let plane: DataPlane | undefined;
  link.run({
    async boot(boot, slot) {
      claimStdout();
      link.become(boot.identity);
      plane = new DataPlane(boot, slot, metrics, (up) => link.tell(up));
    },
    receive(down) {
      switch (down.kind) {
        case "members":
          plane?.setMembers(down.backend, down.members);
          link.tell({ kind: "applied", number: down.number });
          return;
        case "leaving":
          plane?.announceLeaving();
          return;
        case "hurry":
          plane?.hurry();
          return;
        case "reopen":
          plane?.reopenLog();
          return;
        case "plan":
          link.tell(applied(plane, down));
          return;
      }
    },
    drain: async () => plane?.drain(),
    detail: () => plane?.detail() ?? {},
  });
}

function applied(
  plane: DataPlane | undefined,
  { number, plan, added }: Extract<ProxyDown, { kind: "plan" }>,
): ProxyUp {
  try {
    plane?.apply(plan, added);
    return { kind: "applied", number };
  } catch (error) {
    return { kind: "applied", number, sentence: sentenceOf(error) };
  }
}
