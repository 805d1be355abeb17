import { hostname } from "node:os";
import { basename } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Config, WorkerConfig } from "../../shared/config/schema.ts";
import { log } from "../../shared/log.ts";
import { type Sample, sumSamples } from "../../shared/metrics.ts";
import type { Surroundings } from "../../shared/process/child_program.ts";
import { type ChildStatus, Fleet, type FleetSpec } from "../../shared/process/fleet.ts";
import { type Identity, identityOf } from "../../shared/process/identity.ts";
import type { Mode } from "../../shared/process/mode.ts";
import type { Site } from "../../shared/process/site.ts";
import type { QueueCounts } from "../../shared/store/jobs/job.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { openJobStore } from "../../shared/store/jobs/open.ts";
import { checkStore } from "../../shared/store/main.ts";
import type { StoreAddress } from "../../shared/store/store_address.ts";
import { sentenceOf, UserError } from "../../shared/user_error.ts";
import { surroundingsOf } from "../sdk/user_surroundings.ts";
import { CronClock } from "./cron_clock.ts";
import { LeaseDuties } from "./lease_duties.ts";
import { queueSamples } from "./queue_samples.ts";
import { warnOfRedis } from "./redis_warnings.ts";
import { SOLITUDE_RESTART_LONGEST_MS, Solitude } from "./solitude.ts";
import { UnknownTypes } from "./unknown_types.ts";
import { silenceOf, stuckComplaint, WorkWatch } from "./work_watch.ts";
import {
  LEAVE_EXTRA_MS,
  OTHERS_FINISH_MS,
  ownerOf,
  type WorkerBoot,
  type WorkerOrder,
} from "./worker_boot.ts";
import { readWorkerNews, type WorkerNews } from "./worker_news.ts";

const BOOT_TIMEOUT_MS = 60_000;
const COUNTS_WAIT_MS = 1_000;
const WATCH_EVERY_MS = 2_500;
const RELEASE_WAIT_MS = 2_000;

/** The job workers. */
export function workerMode(site: Site, store: StoreAddress): Mode {
  return new WorkerMode(site.config, store);
}

class WorkerMode implements Mode {
  readonly name = "worker";
  #config: WorkerConfig;
  #surroundings: Surroundings;
  /** Of the app: jobs are the user's code too, and come from there. */
  readonly #identity: Identity | undefined;
  readonly #address: StoreAddress;
  readonly #queues: string[];
  /** TSTP came: until we end. */
  #quiet = false;
  readonly #store: JobStore;
  readonly #duties: LeaseDuties;
  readonly #cron: CronClock;
  readonly #watch = new WorkWatch();
  readonly #unknownTypes = new UnknownTypes();
  #watching: ReturnType<typeof setInterval> | undefined;
  readonly #fleet: Fleet<WorkerBoot, WorkerOrder, WorkerNews>;
  /** Of one process at most; see Solitude. */
  readonly #solitary: Fleet<WorkerBoot, WorkerOrder, WorkerNews>;
  readonly #solitude: Solitude;
  readonly #name = `${hostname()}-${process.pid}-${crypto.randomUUID().slice(0, 8)}`;

  constructor(whole: Config, address: StoreAddress) {
    const { worker: config, serve } = whole;
    this.#config = config;
    this.#surroundings = surroundingsOf("worker", whole);
    this.#identity = identityOf("serve", serve);
    this.#address = address;
    this.#queues = config.queues.map(({ name }) => name);
    this.#store = openJobStore(address);
    this.#cron = new CronClock(this.#store);
    this.#duties = new LeaseDuties(this.#store, this.#queues, config.lease, () => void this.#watchWork());
    this.#fleet = new Fleet({ ...this.#fleetSpec(false), slots: config.processes });
    this.#solitary = new Fleet({
      ...this.#fleetSpec(true),
      slots: 0,
      restartLongestMs: SOLITUDE_RESTART_LONGEST_MS,
    });
    this.#solitude = new Solitude(this.#solitary);
  }

  #fleetSpec(alone: boolean): Omit<FleetSpec<WorkerBoot, WorkerOrder, WorkerNews>, "slots"> {
    return {
      kind: "worker",
      title: () => `${basename(this.#config.handlers)}${alone ? " alone" : ""}`,
      deadlines: () => ({
        bootMs: BOOT_TIMEOUT_MS,
        drainMs: this.#config.shutdown_timeout + LEAVE_EXTRA_MS,
      }),
      leaveMs: ({ asked }) => (asked === "fault" ? OTHERS_FINISH_MS + LEAVE_EXTRA_MS : undefined),
      boot: () => this.#boot(alone),
      surroundings: () => this.#surroundings,
      read: (body, { state, boot }) =>
        state === "starting"
          ? readWorkerNews(
              body,
              boot.crons.map(({ name }) => name),
            )
          : undefined,
      onMessage: (_, { defaults }) => this.#cron.learn(defaults),
      onReady: ({ pid }) => this.#duties.adopt(ownerOf(this.#name, pid)),
      onGone: ({ pid, wasStopped }, how) =>
        this.#duties.release(ownerOf(this.#name, pid), wasStopped ? undefined : how),
    };
  }

  async start(): Promise<void> {
    await checkStore(this.#address);
    try {
      await this.#store.counts(this.#queues);
      await this.#setRules(this.#config);
    } catch (error) {
      throw new UserError(sentenceOf(error), 1, { cause: error });
    }
    if (this.#address.kind === "redis") await warnOfRedis(this.#address.url);
    this.#duties.start();
    await this.#fleet.start();
    await this.#solitary.start();
    this.#watching = setInterval(() => void this.#watchWork(), WATCH_EVERY_MS);
    this.#cron.use(this.#config.cron);
  }

  /** Loads the handlers' code anew, child by child: when the first new one can't boot, nothing has changed. */
  async reload(config: Config): Promise<void> {
    const { worker } = config;
    const surroundings = surroundingsOf("worker", config);
    const surroundingsBefore = this.#surroundings;
    const before = this.#config;
    const queues = worker.queues.map(({ name }) => name);
    if (String(queues) !== String(this.#queues) || worker.processes !== before.processes) {
      throw new UserError(
        "worker.queues and worker.processes can't be changed by a reload: restart, or set them back",
      );
    }
    this.#config = worker;
    this.#surroundings = surroundings;
    try {
      await this.#fleet.roll();
      await this.#solitary.roll();
    } catch (error) {
      this.#config = before;
      this.#surroundings = surroundingsBefore;
      throw error;
    }
    await this.#setRules(worker);
    this.#cron.use(worker.cron);
  }

  async children(): Promise<ChildStatus[]> {
    const [shared, solitary] = await Promise.all([this.#fleet.status(), this.#solitary.status()]);
    return [...shared, ...solitary.map((child) => ({ ...child, slot: this.#fleet.size }))];
  }

  async status(): Promise<Record<string, unknown>> {
    const unknownTypes = this.#unknownTypes.list(performance.now());
    return { queues: (await this.#counts()) ?? [], quiet: this.#quiet, unknownTypes };
  }

  async scale(by: 1 | -1): Promise<number> {
    if (by < 0 && this.#fleet.size === 1) throw new UserError("the last worker process stays: TERM ends all");
    await (by > 0 ? this.#fleet.grow() : this.#fleet.shrink());
    return this.#fleet.size;
  }

  quiet(): void {
    this.#quiet = true;
    for (const fleet of this.#fleets) fleet.broadcast({ kind: "quiet" });
    log.info("quiet: taking no new job; TERM ends it");
  }

  async order({ verb }: Record<string, unknown>): Promise<unknown> {
    if (verb !== "quiet") throw new UserError(`the worker knows no order ${JSON.stringify(verb)}`);
    this.quiet();
    return { quiet: true };
  }

  async samples(): Promise<Sample[]> {
    const [counts = [], ...samples] = await Promise.all([
      this.#counts(),
      ...this.#fleets.map((fleet) => fleet.samples()),
    ]);
    return [...sumSamples(samples.flat()), ...queueSamples(counts)];
  }

  settle(): void {
    this.#solitude.end();
    for (const fleet of this.#fleets) fleet.settle();
  }

  complaint(): string | undefined {
    return (
      this.#fleet.complaint() ??
      this.#duties.complaint() ??
      this.#watch.complaint() ??
      stuckComplaint(this.#fleets.flatMap((fleet) => fleet.lastSamples())) ??
      this.#solitude.complaint() ??
      this.#cron.complaint() ??
      this.#unknownTypes.complaint(performance.now())
    );
  }

  async drain(): Promise<void> {
    clearInterval(this.#watching);
    this.#cron.stop();
    this.#solitude.end();
    const deadlineMs = this.#config.shutdown_timeout + LEAVE_EXTRA_MS;
    await Promise.all(this.#fleets.map((fleet) => fleet.drain(deadlineMs)));
    await this.#duties.stop(RELEASE_WAIT_MS);
    await this.#store.close();
  }

  /** The jobs of those that are killed go back before the store is gone. */
  async kill(): Promise<void> {
    clearInterval(this.#watching);
    this.#cron.stop();
    this.#solitude.end();
    for (const fleet of this.#fleets) fleet.kill();
    const gone = Promise.all(this.#fleets.map((fleet) => fleet.drain(0)));
    await Promise.race([gone, Bun.sleep(RELEASE_WAIT_MS)]);
    await this.#duties.stop(RELEASE_WAIT_MS);
    await this.#store.close();
  }

  get #fleets(): readonly Fleet<WorkerBoot, WorkerOrder, WorkerNews>[] {
    return [this.#fleet, this.#solitary];
  }

  /** What this config says of its queues holds for all workers of the store; whether they are paused is not its to say. */
  async #setRules({ queues }: WorkerConfig): Promise<void> {
    for (const { name, concurrency, rate } of queues) {
      const wanted = { concurrency, rate: rate ? { jobs: rate.jobs, perMs: rate.per } : null };
      const { paused: _, ...there } = await this.#store.rules(name);
      if (!isDeepStrictEqual(there, wanted)) await this.#store.setRules(name, wanted);
    }
  }

  #boot(alone: boolean): WorkerBoot {
    const { handlers, batch, block, concurrency, shutdown_timeout, cron: crons } = this.#config;
    const { unknown_type_wait: unknownTypeWaitMs } = this.#config;
    return {
      ...{ handlers, batch, concurrency, alone, crons, supervisor: this.#name, store: this.#address },
      queues: this.#config.queues.map(({ name, weight }) => ({ name, weight })),
      identity: this.#identity,
      quiet: this.#quiet,
      ...{ blockMs: block, shutdownTimeoutMs: shutdown_timeout, unknownTypeWaitMs },
    };
  }

  /** Never rejects: #counts() does not, and what paused queues there are is told when the store is well. */
  async #watchWork(): Promise<void> {
    this.#unknownTypes.look(this.#fleet.lastSamples(), performance.now());
    const all = await this.#counts();
    if (!all) return;
    void this.#solitude.look(all.reduce((sum, { alone }) => sum + alone, 0));
    const counts = all.filter(({ oldestMs }) => oldestMs > 0);
    const rules = await Promise.all(counts.map(({ queue }) => this.#store.rules(queue))).catch(
      () => undefined,
    );
    const open = counts.filter((_, i) => rules?.[i]?.paused === false);
    const samples = this.#fleet.lastSamples();
    const advice = this.#watch.look({
      ...{ nowMs: performance.now(), counts: open, samples, quiet: this.#quiet },
      silentMs: silenceOf(this.#fleet.living()),
    });
    if (!advice) return;
    log.warn("jobs wait and none is fetched: the workers' claims are made anew");
    for (const fleet of this.#fleets) fleet.broadcast({ kind: "refetch" });
  }

  /** Undefined when the store does not answer soon: status must. */
  async #counts(): Promise<QueueCounts[] | undefined> {
    try {
      return await Promise.race([
        this.#store.counts(this.#queues),
        Bun.sleep(COUNTS_WAIT_MS).then(() => undefined),
      ]);
    } catch {
      // complaint() says it.
      return undefined;
    }
  }
}
