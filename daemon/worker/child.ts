import { log } from "../../shared/log.ts";
import { Metrics } from "../../shared/metrics.ts";
import type { Detail } from "../../shared/process/message.ts";
import { type ChildRoom, ParentLink } from "../../shared/process/parent_link.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { openJobStore } from "../../shared/store/jobs/open.ts";
import { stackOf } from "../../shared/thrown_value.ts";
import { enqueuedCounter } from "../sdk/enqueued_counter.ts";
import { importHandlers } from "../sdk/handlers_file.ts";
import { jobsClient } from "../sdk/jobs_client.ts";
import { Shutdown } from "../sdk/shutdown.ts";
import { trivetModule } from "../sdk/trivet_module.ts";
import { folderOf, provideModules } from "../sdk/user_code.ts";
import { faultSentence } from "../sdk/user_fault.ts";
import { errorText } from "./attempt_error.ts";
import { cronDefaults } from "./cron_defaults.ts";
import { Fetcher } from "./fetcher.ts";
import { checkHandlers } from "./handler_settings.ts";
import { jobInScope } from "./job_scope.ts";
import { LeaseCheck } from "./lease_check.ts";
import { Processor } from "./processor.ts";
import { ProgressNotes } from "./progress_notes.ts";
import { Settler } from "./settler.ts";
import {
  ABORT_GRACE_MS,
  OTHERS_FINISH_MS,
  ownerOf,
  SETTLE_WAIT_MS,
  type WorkerBoot,
  type WorkerOrder,
} from "./worker_boot.ts";
import { RUNNING, STUCK, WorkerMetrics } from "./worker_metrics.ts";
import type { WorkerNews } from "./worker_news.ts";

export function runChild(): void {
  const metrics = new Metrics();
  const link = new ParentLink<WorkerBoot, WorkerOrder, WorkerNews>("worker", metrics);
  link.run(new WorkerRoom(link, metrics));
}

/** One worker process: fetcher → processor → settler, around the user's handlers. */
class WorkerRoom implements ChildRoom<WorkerBoot, WorkerOrder> {
  readonly #link: ParentLink<WorkerBoot, WorkerOrder, WorkerNews>;
  readonly #metrics: WorkerMetrics;
  readonly #onEnqueued;
  readonly #shutdown = new Shutdown();
  #shutdownTimeoutMs = 0;
  #quiet = false;
  #alone = false;
  #leaving = false;
  #draining = false;
  #store: JobStore | undefined;
  #fetcher: Fetcher | undefined;
  #processor: Processor | undefined;
  #settler: Settler | undefined;

  constructor(link: ParentLink<WorkerBoot, WorkerOrder, WorkerNews>, metrics: Metrics) {
    this.#link = link;
    this.#metrics = new WorkerMetrics(metrics);
    this.#onEnqueued = enqueuedCounter(metrics);
    const running = metrics.gauge(RUNNING, "Jobs whose handler runs now");
    const stuck = metrics.gauge(STUCK, "Handlers that go on though their job has ended");
    metrics.beforeSamples(() => {
      running.value = this.#processor?.running ?? 0;
      stuck.value = this.#processor?.stuck ?? 0;
      if (stuck.value > 0) this.#leaveSoon();
    });
  }

  async boot(boot: WorkerBoot): Promise<void> {
    this.#link.become(boot.identity);
    process.on("uncaughtException", (error: unknown) => this.#escaped(error, boot.handlers));
    process.on("unhandledRejection", (error: unknown) => reportRejection(error));
    const store = openJobStore(boot.store);
    const client = jobsClient({ openStore: () => store, onEnqueued: this.#onEnqueued });
    this.#shutdown.keepSignals();
    provideModules(folderOf(boot.handlers), trivetModule(client.jobs, this.#shutdown));
    const handlers = await importHandlers(boot.handlers);
    checkHandlers(handlers, boot.handlers);
    client.useHandlers(handlers);
    this.#link.tell({ kind: "crons", defaults: cronDefaults(boot.crons, handlers) });

    const owner = ownerOf(boot.supervisor, process.pid);
    const settler = new Settler(store, owner, this.#metrics.leasesLost);
    const processor = new Processor(handlers, settler, new ProgressNotes(store), this.#metrics, boot);
    const fetcher = new Fetcher(store, { ...boot, owner }, processor, this.#metrics.fetched);
    new LeaseCheck(store, owner, processor).start();
    if (!boot.quiet && !this.#quiet) fetcher.start();
    this.#shutdownTimeoutMs = boot.shutdownTimeoutMs;
    this.#alone = boot.alone;
    [this.#store, this.#settler, this.#processor, this.#fetcher] = [store, settler, processor, fetcher];
  }

  receive({ kind }: WorkerOrder): void {
    if (kind === "refetch") return this.#fetcher?.refetch();
    this.#quiet = true;
    // It resolves when nothing is on its way any more; nobody waits for that here.
    void this.#fetcher?.quiet();
  }

  /**
   * Quiet, then drain up to the timeout, then abort what runs and hand it back. A process that left by itself, because of
   * one job, lets the others finish: until it is told again, since all shall end.
   */
  async drain(): Promise<void> {
    const limitMs = this.#leaving && !this.#draining ? OTHERS_FINISH_MS : this.#shutdownTimeoutMs;
    this.#draining = true;
    const quiet = this.#fetcher?.quiet();
    await Promise.race([quiet?.then(() => this.#processor?.idle()), Bun.sleep(limitMs)]);
    await this.#processor?.stop(ABORT_GRACE_MS);
    await this.#settler?.finish(SETTLE_WAIT_MS);
    await this.#shutdown.run();
    await this.#store?.close();
  }

  detail(): Detail {
    const { running = 0, stuck = 0 } = this.#processor ?? {};
    return { running, ...(stuck > 0 && { stuck }), ...(this.#alone && { alone: true }) };
  }

  /** User code has left something behind: a fresh process takes over, and what runs here may finish. */
  #leaveSoon(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#link.leave("fault");
  }

  /** Thrown in a callback: one failed attempt of the job it belongs to, and a fresh process takes over in its time. */
  #escaped(error: unknown, handlers: string): void {
    const job = jobInScope();
    if (!job || !this.#processor) return this.#crash(error, handlers);
    const { id, type } = job;
    log.error({ job: id, type, error: errorText(error) }, "a handler threw where nothing caught it");
    this.#processor.fail(job, error);
    this.#leaveSoon();
  }

  /** Whose it is nobody can say, and it may have left others half-done: their jobs go back to run in a fresh process. */
  #crash(error: unknown, handlers: string): void {
    log.error({ stack: stackOf(error) }, "a handler crashed the worker");
    this.#link.fail(faultSentence(error, handlers));
    process.exit(1);
  }
}

/** A promise that nobody waits for has left nothing half-done, and whose it is can't be said. */
function reportRejection(error: unknown): void {
  log.error({ error: errorText(error) }, "a promise was rejected that no handler waits for");
}
