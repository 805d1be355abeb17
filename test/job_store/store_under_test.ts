import type { JobStore } from "../../shared/store/jobs/job_store.ts";

/** A store for the conformance suites, as its test brings it up. */
export interface StoreUnderTest {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Another client of the same store, as another process has it. */
  open(): JobStore;
  /** Puts something into a queue that can't be read as a job, and is not one of ours. */
  addBroken(queue: string): Promise<void>;
  /** Sets the store's clock by so much, as far as this queue is concerned. */
  setClock(queue: string, byMs: number): Promise<void>;
  /** What an app beside that clock takes for now. */
  nowMs(): number;
}
