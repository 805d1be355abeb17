import { type Listener, nameOf } from "./listener.ts";
import { fdsBoundTo } from "./socket_fds.ts";

/** Clients that are silent this long after the last answer are not waited for; each one that asks is told to go. */
const REPLACED_MS = 5000;
/** The same when nobody takes our place: the sooner the next start, the better. */
const FOR_GOOD_MS = 1000;
const POLL_MS = 20;
/** At most a tenth of the time goes into looking, however many connections there are. */
const LOOK_SHARE = 10;

/**
 * Resolves when every client has left, or when none of those that remain has asked for anything for a while; also a
 * connection that has come last has had its turn then. Requests under way are waited for without a limit of ours.
 */
export async function sayFarewell(listeners: readonly Listener[], forGood: boolean): Promise<void> {
  const names = new Set(listeners.map(({ place }) => nameOf(place)));
  const patienceMs = forGood ? FOR_GOOD_MS : REPLACED_MS;
  let busyMs = performance.now();
  let pauseMs = POLL_MS;
  for (;;) {
    await Bun.sleep(pauseMs);
    const nowMs = performance.now();
    if (listeners.some(({ server }) => server.pendingRequests + server.pendingWebSockets > 0)) busyMs = nowMs;
    if (nowMs - busyMs >= patienceMs) return;
    if (fdsBoundTo(names).length <= listeners.length) return;
    pauseMs = Math.max(POLL_MS, LOOK_SHARE * (performance.now() - nowMs));
  }
}

/** Closes what is left. */
export async function closeListener({ server }: Listener): Promise<void> {
  const stopped = server.stop();
  // Connections that never sent a request would hold it for another 12 s.
  await Promise.race([stopped, server.stop(true)]);
}
