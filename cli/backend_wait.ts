import { UserError } from "../shared/user_error.ts";
import type { Running } from "./admin_client.ts";
import { backendsOf } from "./edges.ts";
import { complain } from "./say.ts";

const LOOK_MS = 200;
const TELL_MS = 3000;

/**
 * Resolves when no edge has a request in this server's hands any more, tunnels counted. Throws a UserError when somebody
 * brings the server back meanwhile. `look` finds the edges anew each time: one may be upgraded.
 */
export async function waitForEmpty(
  look: () => Promise<readonly Running[]>,
  backend: string,
  server: string,
): Promise<void> {
  let toldMs = performance.now();
  for (;;) {
    const seen = (await look())
      .flatMap(backendsOf)
      .filter(({ name }) => name === backend)
      .flatMap(({ servers }) => servers.filter(({ address }) => address === server));
    if (seen.some(({ state }) => state === "up"))
      throw new UserError(`${server} takes requests again: it was made ready meanwhile`);
    const left = seen.reduce((sum, { inFlight }) => sum + inFlight, 0);
    if (left === 0) return;
    if (performance.now() - toldMs > TELL_MS) {
      toldMs = performance.now();
      complain(`${server} still has ${left} ${left === 1 ? "request" : "requests"} in hand`);
    }
    await Bun.sleep(LOOK_MS);
  }
}
