import type { Finding } from "./capacity.ts";

/** "broken": the configured load would fail or lose something. "advice": it works, and would work better. */
export type Verdict = "ok" | "advice" | "broken";

/** One thing that was looked at. */
export interface Diagnosis {
  name: string;
  verdict: Verdict;
  /** What there is, in a sentence. */
  saw: string;
  /** What goes wrong otherwise; "" when it is well. */
  why: string;
  /** What to type or to change; "" when it is well. */
  change: string;
}

export function well(name: string, saw: string): Diagnosis {
  return { name, verdict: "ok", saw, why: "", change: "" };
}

export function advice(name: string, saw: string, why: string, change: string): Diagnosis {
  return { name, verdict: "advice", saw, why, change };
}

export function broken(name: string, saw: string, why: string, change: string): Diagnosis {
  return { name, verdict: "broken", saw, why, change };
}

const WHY: Record<Finding["name"], string> = {
  descriptors:
    "each request in flight takes two descriptors; without them the edge stops accepting and clients wait",
  "open files": "beyond it no process of this machine can open a connection or a file",
  "local ports":
    "each connection to one server takes a local port; without one, requests fail with 503 while the server is well",
  "accept queue":
    "in a burst the kernel drops connections that wait to be accepted, and clients try again after 1 s",
  "connection tracking": "the kernel drops packets of connections it can't follow: clients see timeouts",
  memory: "the kernel kills processes when memory runs out",
};
/** Their lack slows clients down; it fails nobody. */
const ONLY_SLOWER: ReadonlySet<Finding["name"]> = new Set(["accept queue"]);

/** A finding about room for connections, with what its lack does. */
export function ofFinding({ name, ok, sentence, change }: Finding): Diagnosis {
  if (ok) return well(name, sentence);
  return (ONLY_SLOWER.has(name) ? advice : broken)(name, sentence, WHY[name], change);
}
