import type { BodyKind } from "./http/body.ts";
import type { ResponseHead } from "./http/response_head.ts";

/** later: once a while has passed in which nothing came. never: we don't trust it. ends: the server closes it. */
export type Reuse = "at_once" | "later" | "never" | "ends";

/**
 * When the connection may carry another request after an answer. What a server sends behind one that has no body is
 * taken for the next answer once another request is under way (RFC 9112 §9.2): it is waited for where a body would be
 * a slip, and not risked where the head speaks of one. `alone`: it is one client's, whom alone that would hurt.
 */
export function reuseAfter(head: ResponseHead, kind: BodyKind, toHead: boolean, alone: boolean): Reuse {
  const persistent = head.minor === 1 ? !head.close : head.keepAlive && !head.close;
  if (!persistent || kind === "until_close") return "ends";
  if (kind !== "none" || alone) return "at_once";
  return toHead || head.chunked || head.contentLength > 0 ? "never" : "later";
}
