const POLL_MS = 10;
/** Only what is broken takes this long, on a busy machine too. */
const PATIENCE_MS = 30_000;

/**
 * Waits until `condition` gives something true, and returns it. A condition that throws counts as not yet.
 * Throws after `timeoutMs` with `what` was awaited and the last thing thrown.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  timeoutMs = PATIENCE_MS,
): Promise<NonNullable<T>> {
  const deadlineMs = Date.now() + timeoutMs;
  for (;;) {
    let reason = "";
    try {
      const found = await condition();
      if (found) return found;
    } catch (error) {
      reason = `: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (Date.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms in vain: ${what}${reason}`);
    await Bun.sleep(POLL_MS);
  }
}
