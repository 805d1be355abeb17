const SECONDS = 10;
const SHARE = 0.2;

/**
 * Replays of requests that a server had already are few: when every server fails, they would only multiply the load.
 * Over the last 10 s at most a fifth of the requests, but always `floor`.
 */
export class RetryBudget {
  floor = 100;
  /** Requests of this second. Touched directly: it stands in the request path. */
  requests = 0;
  #replays = 0;
  readonly #before: { requests: number; replays: number }[] = [];

  /** A second has passed. */
  tick(): void {
    this.#before.push({ requests: this.requests, replays: this.#replays });
    if (this.#before.length >= SECONDS) this.#before.shift();
    this.requests = this.#replays = 0;
  }

  /** Takes one replay; false when there is none left. */
  take(): boolean {
    let { requests } = this;
    let replays = this.#replays;
    for (const second of this.#before) {
      requests += second.requests;
      replays += second.replays;
    }
    if (replays >= Math.max(this.floor, requests * SHARE)) return false;
    this.#replays++;
    return true;
  }
}
