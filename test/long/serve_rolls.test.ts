import { expect, test } from "bun:test";
import { ServeSite } from "../harness/serve_site.ts";
import { until } from "../harness/until.ts";

const ROLLS = 30;
const DEADLINE_MS = 240_000;

for (const edge of [false, true]) {
  const where = edge ? "under trivet up, with retries = 0" : "direct";
  const loadsOf = (site: ServeSite) =>
    edge ? site.loads(site.edgePort, { method: "POST", body: "x" }) : site.loads(site.port);

  test(
    `${where}: ${ROLLS} reloads in a row lose no request`,
    async () => {
      await using site = await ServeSite.start({ edge });
      const loads = loadsOf(site);
      for (let i = 0; i < ROLLS; i++) expect((await site.trivet.run(["reload"])).stderr).toBe("");
      await ServeSite.expectNothingLost(loads);
    },
    DEADLINE_MS,
  );

  test(
    `${where}: TERM to ${ROLLS} single children loses no request`,
    async () => {
      await using site = await ServeSite.start({ edge });
      const loads = loadsOf(site);
      for (let i = 0; i < ROLLS; i++) await site.replaceOne(i);
      await ServeSite.expectNothingLost(loads);
    },
    DEADLINE_MS,
  );

  test(
    `${where}: ${ROLLS} upgrades in a row lose no request`,
    async () => {
      await using site = await ServeSite.start({ edge });
      const loads = loadsOf(site);
      for (let i = 0; i < ROLLS; i++) await site.upgrade();
      await ServeSite.expectNothingLost(loads);
    },
    DEADLINE_MS,
  );

  test(
    `${where}: children recycled every 200 requests lose no request`,
    async () => {
      await using site = await ServeSite.start({ edge, keys: "max_requests = 200" });
      const loads = loadsOf(site);
      const seen = new Set<number>();
      await until(
        async () => {
          for (const { pid } of await site.ready()) seen.add(pid);
          return seen.size > ROLLS;
        },
        "children come and go",
        DEADLINE_MS,
      );
      await ServeSite.expectNothingLost(loads);
    },
    DEADLINE_MS,
  );
}
