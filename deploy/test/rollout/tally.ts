/** What a load saw between two looks. */
export interface Tally {
  ok: number;
  failed: number;
  /** Successes by kind of client. */
  kinds: Record<string, number>;
  /** Of the first failures. */
  reasons: string[];
  latenciesMs: number[];
  /** The longest time in which no request was answered. */
  worstPauseMs: number;
  /** Sockets that a leaving server closed, and that another one took. */
  reconnects: number;
  /** Jobs that were taken. */
  enqueued: string[];
}
