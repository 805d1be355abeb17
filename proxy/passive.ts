/** What answers say of a server, apart from checks. */

/** Without checks nobody would see that it is well again: it is tried anew after this. */
export const EJECTED_MS = 10_000;

/** As HAProxy's `observe layer7` has it: a server's fault, but for what it says it can't do. */
export function isServerFault(status: number): boolean {
  return status >= 500 && status !== 501 && status !== 505;
}

/** Whether one more server may be taken out for its answers: at most half of them, and never the last that is left. */
export function mayEject({ servers, ejected, usable }: { servers: number; ejected: number; usable: number }) {
  return ejected + 1 <= Math.floor(servers / 2) && usable > 1;
}
