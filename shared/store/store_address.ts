/** Where a child finds the store: Redis directly; SQLite through the node's store process, which alone writes. */
export type StoreAddress =
  | { kind: "redis"; url: string; prefix: string }
  | { kind: "sqlite"; path: string; socket: string };
