import { sleep } from "../../timer.ts";
import type { RedisCommander } from "../redis_commander.ts";
import { isReply, redisError } from "../redis_connection.ts";
import { HeldLeases } from "./held_leases.ts";
import type { Claim, Lease } from "./job.ts";
import { isLimited } from "./queue_rules.ts";
import { isMarked, readEntries } from "./redis_entry.ts";
import { GROUP, type RedisKeys } from "./redis_keys.ts";
import { type Found, RedisReader } from "./redis_reader.ts";
import { runScript } from "./redis_scripts.ts";

/** How often a claim looks whether a paused queue goes on. */
const PAUSED_LOOK_MS = 250;
/** How often in a row a claim that need not wait reads on when all it read was refused: other queues have their turn too. */
const REFUSALS_MAX = 100;
const NOTHING: Claim = { jobs: [], broken: [] };
/** All that was read is cancelled, or stands aside for a limit now: what comes behind it may do. */
const REFUSED: Claim = { jobs: [], broken: [] };

/** How jobs come out of the streams and into a worker's hands. */
export class RedisClaims {
  readonly #url: string;
  readonly #commander: RedisCommander;
  readonly #keys: RedisKeys;
  readonly #readers = new Map<string, RedisReader>();
  readonly #held = new HeldLeases();

  constructor(url: string, commander: RedisCommander, keys: RedisKeys) {
    this.#url = url;
    this.#commander = commander;
    this.#keys = keys;
  }

  async claim(
    queue: string,
    owner: string,
    max: number,
    waitMs: number,
    signal: AbortSignal,
    alone: boolean,
  ): Promise<Claim> {
    const endMs = performance.now() + waitMs;
    const reader = this.#reader(queue, owner, alone);
    for (let refusals = 0; ; ) {
      const leftMs = signal.aborted ? 0 : Math.max(0, endMs - performance.now());
      const claim = await this.#claimOnce(reader, queue, owner, max, leftMs, signal);
      if (claim.jobs.length + claim.broken.length > 0) return this.#held.take(claim);
      if (claim === REFUSED) refusals++;
      const mayGoOn = claim === REFUSED && refusals < REFUSALS_MAX;
      if (signal.aborted || (performance.now() >= endMs && !mayGoOn)) return claim;
    }
  }

  drop(leases: readonly Lease[]): void {
    this.#held.drop(leases);
  }

  close(): void {
    for (const reader of this.#readers.values()) reader.close();
  }

  async #claimOnce(
    reader: RedisReader,
    queue: string,
    owner: string,
    max: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<Claim> {
    try {
      if (this.#held.inDoubt(queue, owner)) {
        const lost = this.#held.missing(leased(queue, await reader.readOwn()));
        const found = await this.#admit(queue, owner, lost);
        this.#held.clear(queue, owner);
        if (found.jobs.length + found.broken.length > 0) return found;
      }
      let found = await reader.read(max, waitMs, signal);
      let claim = leased(queue, found);
      while (!found.rules.paused) {
        const admitted = await this.#admit(queue, owner, await this.#fit(owner, claim, max));
        const isAllRefused = admitted.jobs.length + admitted.broken.length === 0 && claim.jobs.length > 0;
        if (!isAllRefused || signal.aborted) return admitted;
        // Cancelled, or held back by a limit: others may be behind them.
        found = await reader.read(max, 0, signal);
        claim = leased(queue, found);
      }
      await this.#giveBack(owner, claim);
      await sleep(Math.min(waitMs, PAUSED_LOOK_MS), signal);
      return NOTHING;
    } catch (error) {
      if (isReply(error) && /^(NOGROUP|UNBLOCKED)/.test(error.message)) {
        await this.#makeGroups(queue);
        return NOTHING;
      }
      // Entries may be ours without our having seen them: the next claim looks.
      this.#held.doubt(queue, owner);
      throw redisError(this.#url, error);
    }
  }

  /** Leaves out what is cancelled or held back by a limit; asks only for those that may be. */
  async #admit(queue: string, owner: string, claim: Claim): Promise<Claim> {
    const marked = claim.jobs.filter(({ fence }) => isMarked(fence));
    if (marked.length === 0) return claim;
    const args = [owner, ...marked.map(({ fence }) => fence)];
    const digits = String(
      await this.#commander.run((redis) => runScript(redis, "admit", this.#keys.base(queue), args)),
    );
    const refused = new Set(marked.filter((_, i) => digits[i] !== "1"));
    const jobs = claim.jobs.filter((job) => !refused.has(job));
    return jobs.length + claim.broken.length > 0 ? { jobs, broken: claim.broken } : REFUSED;
  }

  /** A read that waited may bring more than was asked for: one lane's share each. */
  async #fit(owner: string, claim: Claim, max: number): Promise<Claim> {
    if (claim.jobs.length <= max) return claim;
    await this.#giveBack(owner, { jobs: claim.jobs.slice(max), broken: [] });
    return { jobs: claim.jobs.slice(0, max), broken: claim.broken };
  }

  async #giveBack(owner: string, { jobs, broken }: Claim): Promise<void> {
    const [first] = [...jobs, ...broken];
    if (!first) return;
    const args = [...jobs, ...broken].flatMap(({ fence }) => [fence, "release", "", "", ""]);
    await this.#commander.run((redis) =>
      runScript(redis, "settle", this.#keys.base(first.queue), [owner, ...args]),
    );
  }

  #reader(queue: string, owner: string, alone: boolean): RedisReader {
    const name = `${queue} ${owner} ${alone}`;
    let reader = this.#readers.get(name);
    if (!reader) {
      const unblock = (id: number) => this.#commander.run((redis) => redis.client("UNBLOCK", id));
      reader = new RedisReader(this.#url, this.#keys, queue, owner, alone, unblock);
      this.#readers.set(name, reader);
    }
    return reader;
  }

  /** From the first entry on: also after a FLUSHALL or a fail-over that lost the groups. */
  async #makeGroups(queue: string): Promise<void> {
    for (const stream of this.#keys.allStreams(queue)) {
      await this.#commander
        .run((redis) => redis.xgroup("CREATE", stream, GROUP, "0", "MKSTREAM"))
        .catch((error: unknown) => {
          if (!String(error).includes("BUSYGROUP")) throw error;
        });
    }
  }
}

function leased(queue: string, { rules, lanes }: Found): Claim {
  const claims = lanes.map((entries, lane) => readEntries(queue, lane, entries, isLimited(rules)));
  return { jobs: claims.flatMap(({ jobs }) => jobs), broken: claims.flatMap(({ broken }) => broken) };
}
