import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { RedisJobStore } from "../../shared/store/jobs/redis.ts";
import { SqliteJobStore } from "../../shared/store/jobs/sqlite.ts";
import { Folder } from "../harness/folder.ts";
import { Trivet } from "../harness/trivet.ts";
import { until } from "../harness/until.ts";

export const QUEUE = "fire";
/** Those that fail for ever, and those that fail once: a tenth of all. */
export const FAILS_ALWAYS = 53;
const LEASE = "4s";

/** A run's effect is a line in a file, written after the work and before the job is acknowledged. */
const handlers = (effects: string) => `
import { openSync, writeSync } from "node:fs";
import { defineJobs } from "trivet";
const effects = openSync(${JSON.stringify(effects)}, "a");
export default defineJobs({
  work: {
    attempts: 3,
    backoff: () => 20,
    async run({ n }, job) {
      await Bun.sleep(Math.random() * 8);
      if (n % 10 === 3 && (job.attempt === 1 || n % 100 === ${FAILS_ALWAYS})) throw new Error("boom");
      writeSync(effects, job.id + "\\n");
    },
  },
});
`;

interface StatusChild {
  kind: string;
  state: string;
  pid: number;
}

/** Two worker supervisors on one store, as two units on a machine, or two machines. */
export class CrashSite implements AsyncDisposable {
  readonly store: JobStore;
  readonly #folder: Folder;
  readonly #url: string;
  readonly #supervisors: Trivet[] = [];

  private constructor(folder: Folder, url: string, store: JobStore) {
    this.#folder = folder;
    this.#url = url;
    this.store = store;
  }

  /** `url` of Redis, or the folder where the SQLite file shall be; by default one of its own. */
  static async start({ url, dir }: { url?: string; dir?: string } = {}): Promise<CrashSite> {
    const folder = await Folder.make();
    const path = join(dir ?? folder.path, "trivet.db");
    const store = url ? new RedisJobStore(url) : new SqliteJobStore(path);
    const site = new CrashSite(folder, url ?? `sqlite:${path}`, store);
    try {
      for (let i = 0; i < 2; i++) await site.addSupervisor();
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
    return site;
  }

  async addSupervisor(): Promise<void> {
    const settings = `handlers = "jobs.ts"\nprocesses = 2\nconcurrency = 20\nbatch = 20\nlease = "${LEASE}"`;
    const site = await Trivet.start({
      mode: "worker",
      config: `[store]\nurl = "${this.#url}"\n[worker]\n${settings}\nqueues = [{ name = "${QUEUE}" }]\n`,
      files: { "jobs.ts": handlers(join(this.#folder.path, "effects")) },
    });
    this.#supervisors.push(site);
  }

  /** Ids of jobs in the order of their effects; one that ran twice is there twice. */
  effects(): string[] {
    try {
      return readFileSync(join(this.#folder.path, "effects"), "utf8").split("\n").slice(0, -1);
    } catch {
      // No job has run yet.
      return [];
    }
  }

  /** kill -9 to a worker process, or to the store process, as soon as one is ready. */
  async killOne(kind: "worker" | "store" = "worker"): Promise<void> {
    await until(() => this.#kill(kind), `a ${kind} is killed`, 60_000);
  }

  /** False when there was none, or it had ended already. */
  async #kill(kind: "worker" | "store"): Promise<boolean> {
    const living = this.#supervisors.filter(({ code }) => code === undefined);
    const supervisor = living[Math.floor(Math.random() * living.length)];
    const status = (await (await supervisor?.admin("/status"))?.json()) as { children: StatusChild[] };
    const ready = status.children.filter((child) => child.kind === kind && child.state === "ready");
    const child = ready[Math.floor(Math.random() * ready.length)];
    if (!child) return false;
    process.kill(child.pid, "SIGKILL");
    return true;
  }

  /** kill -9 to a supervisor, whose workers die with it; another one takes its place. */
  async killSupervisor(): Promise<void> {
    const supervisor = this.#supervisors.shift();
    supervisor?.signal("SIGKILL");
    await supervisor?.exited();
    await supervisor?.[Symbol.asyncDispose]();
    await this.addSupervisor();
  }

  /** Whether all supervisors say that they are well. */
  async isWell(): Promise<boolean> {
    const answers = await Promise.all(this.#supervisors.map((site) => site.admin("/health")));
    return answers.every(({ ok }) => ok);
  }

  /** What they wrote to their logs. */
  get logs(): string {
    return this.#supervisors.map(({ stdout, stderr }) => stdout + stderr).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
    for (const site of this.#supervisors) await site[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}
