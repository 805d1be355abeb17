/** What holds for a queue in all workers: it is kept in the store. */
export interface QueueRules {
  paused: boolean;
  /** Jobs of this queue that run at a time; 0: any number. */
  concurrency: number;
  /** How many may begin in a time; null: any number. */
  rate: { jobs: number; perMs: number } | null;
}

export const NO_RULES: QueueRules = { paused: false, concurrency: 0, rate: null };

/** "" is none. Throws an Error when the text was not written by writeRules. */
export function readRules(text: string): QueueRules {
  if (text === "") return NO_RULES;
  const { paused = 0, c = 0, n = 0, p = 0 } = JSON.parse(text) as Record<string, number>;
  return { paused: paused === 1, concurrency: c, rate: n > 0 ? { jobs: n, perMs: p } : null };
}

/** Short names: the scripts of Redis read it too. */
export function writeRules({ paused, concurrency, rate }: QueueRules): string {
  if (!paused && concurrency === 0 && !rate) return "";
  return JSON.stringify({ paused: paused ? 1 : 0, c: concurrency, n: rate?.jobs ?? 0, p: rate?.perMs ?? 0 });
}

export function isLimited({ concurrency, rate }: QueueRules): boolean {
  return concurrency > 0 || rate !== null;
}
