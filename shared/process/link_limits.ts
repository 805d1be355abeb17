import type { ChildKind } from "./message.ts";
import type { LinkLimits } from "./message_link.ts";

const MIB = 1024 * 1024;
/** In these runs code that is not ours. */
const GUESTS: readonly ChildKind[] = ["serve", "worker"];
/** Orders wait for a child that is blocked: some plans, and every change of servers' states. */
const ORDERS_WAITING_BYTES_MAX = 64 * MIB;
/** Then the parent stands still for long, or is no more. */
const NOTICES_WAITING_BYTES_MAX = 128 * MIB;
/** A plan for tens of thousands of servers. */
const ORDER_BYTES_MAX = 64 * MIB;

/** How the parent listens to a child. The series of an app are few; those of the edge are as many as its servers. */
export function parentLimits(kind: ChildKind): LinkLimits {
  const isGuest = GUESTS.includes(kind);
  return {
    messageBytesMax: noticeBytesMax(kind),
    backlogBytesMax: ORDERS_WAITING_BYTES_MAX,
    rates: { messagesPerS: 10_000, bytesPerS: (isGuest ? 2 : 32) * MIB, burstS: 4 },
  };
}

/** How a child listens to its parent. */
export const CHILD_LIMITS: LinkLimits = {
  messageBytesMax: ORDER_BYTES_MAX,
  backlogBytesMax: NOTICES_WAITING_BYTES_MAX,
};

/** The longest message of such a child that its parent takes. */
export function noticeBytesMax(kind: ChildKind): number {
  return (GUESTS.includes(kind) ? 4 : 64) * MIB;
}
