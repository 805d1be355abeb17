/** What parent and child say to each other over Bun's IPC. `Down` and `Up` are the room's own messages. */
import type { Sample } from "../metrics.ts";

export type LeaveReason = "term" | "max_requests" | "fault";
export type ChildKind = "proxy" | "serve" | "worker" | "store" | "outbox";

/** Parent → child. */
export type Order<Boot, Down> =
  | { kind: "boot"; slot: number; boot: Boot }
  | { kind: "report"; ask: number }
  | { kind: "drain" }
  | { kind: "room"; body: Down };

/** Child → parent. */
export type Notice<Up> =
  | { kind: "ready" }
  | { kind: "failed"; sentence: string }
  /** It would like to be replaced: somebody sent it TERM, it has done its share, or user code has left something behind. */
  | { kind: "leave"; reason: LeaveReason }
  | { kind: "beat"; samples: Sample[] }
  | { kind: "report"; ask: number; samples: Sample[]; detail: unknown }
  | { kind: "room"; body: Up };
