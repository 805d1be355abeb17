/** What parent and child say to each other over a MessageLink. `Down` and `Up` are the room's own messages. */
import type { Sample } from "../metrics.ts";

export const LEAVE_REASONS = ["term", "max_requests", "fault"] as const;
export type LeaveReason = (typeof LEAVE_REASONS)[number];
export type ChildKind = "proxy" | "serve" | "worker" | "store" | "outbox";

/** What a child shows of itself. */
export type Detail = Readonly<Record<string, string | number | boolean>>;

/** Parent → child. */
export type Order<Boot, Down> =
  | { kind: "boot"; slot: number; boot: Boot }
  | { kind: "report"; ask: number }
  | { kind: "drain" }
  | { kind: "room"; body: Down };

/** Child → parent, which believes nothing of it unread: see notice.ts. */
export type Notice<Up> =
  | { kind: "ready" }
  | { kind: "failed"; sentence: string }
  /** It would like to be replaced: somebody sent it TERM, it has done its share, or user code has left something behind. */
  | { kind: "leave"; reason: LeaveReason }
  | { kind: "beat"; samples: Sample[] }
  | { kind: "report"; ask: number; samples: Sample[]; detail?: Detail }
  | { kind: "room"; body: Up };
