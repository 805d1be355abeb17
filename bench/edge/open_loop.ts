/**
 * An open loop: requests start when the clock says so, whether earlier ones are answered or not. A child of
 * bench/edge.ts; prints one OpenLoopResult.
 *
 * Its limits, which the caller prints too: a timer of Bun is up to 1 ms late, so requests start in small bursts, and
 * time counts from the start of the burst; a burst that finds no free connection waits, and its wait counts. It shares
 * its core with the origin. Compare proxies by it, and with the origin asked directly; do not quote it alone.
 */
import type { Socket } from "bun";
import { Distribution } from "../rig/distribution.ts";
import { BROWSER_FIELDS, SMALL } from "../rig/request.ts";

export interface OpenLoopResult {
  requests: number;
  failed: number;
  seconds: number;
  p50Us: number;
  p99Us: number;
  /** Between two bursts. */
  worstGapMs: number;
}

interface Lane {
  /** When its request was due; 0: it is free. */
  dueMs: number;
  /** Bytes of the answer so far. */
  text: string;
}

const TICK_MS = 1;
const WAITING_MAX = 100_000;
const ANSWER_TIMEOUT_MS = 5_000;
const HEAD = Buffer.from(
  `GET ${SMALL.path} HTTP/1.1\r\n${BROWSER_FIELDS.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
);

class OpenLoop {
  readonly #free: Socket<Lane>[] = [];
  /** Due times of requests that found no free connection. */
  readonly #waiting: number[] = [];
  readonly #times: Distribution;
  #started = 0;
  #failed = 0;
  #worstGapMs = 0;

  constructor(requestsMax: number) {
    this.#times = new Distribution(requestsMax);
  }

  async run(port: number, connections: number, perSecond: number, seconds: number): Promise<OpenLoopResult> {
    for (let i = 0; i < connections; i++) this.#free.push(await this.#connect(port));
    const startMs = performance.now();
    for (let lastMs = startMs; performance.now() - startMs < seconds * 1000; await Bun.sleep(TICK_MS)) {
      const nowMs = performance.now();
      this.#worstGapMs = Math.max(this.#worstGapMs, nowMs - lastMs);
      lastMs = nowMs;
      for (const due = ((nowMs - startMs) / 1000) * perSecond; this.#started < due; this.#started++)
        this.#ask(nowMs);
    }
    const ended = performance.now() - startMs;
    for (
      const untilMs = performance.now() + ANSWER_TIMEOUT_MS;
      this.#open > 0 && performance.now() < untilMs;
    ) {
      await Bun.sleep(TICK_MS);
    }
    const [p50 = 0, p99 = 0] = this.#times.percentiles([0.5, 0.99]);
    return {
      requests: this.#times.count,
      failed: this.#failed + this.#open,
      seconds: ended / 1000,
      p50Us: p50 * 1000,
      p99Us: p99 * 1000,
      worstGapMs: this.#worstGapMs,
    };
  }

  get #open(): number {
    return this.#started - this.#times.count - this.#failed;
  }

  #ask(dueMs: number): void {
    const socket = this.#free.pop();
    if (socket) this.#send(socket, dueMs);
    else if (this.#waiting.length < WAITING_MAX) this.#waiting.push(dueMs);
    else this.#failed++;
  }

  #send(socket: Socket<Lane>, dueMs: number): void {
    socket.data = { dueMs, text: "" };
    if (socket.write(HEAD) < HEAD.length) throw new Error("a socket did not take a whole request head");
  }

  #heard(socket: Socket<Lane>, bytes: Buffer): void {
    const lane = socket.data;
    lane.text += bytes.toString("latin1");
    const end = lane.text.indexOf("\r\n\r\n");
    if (end < 0 || lane.text.length < end + 4 + SMALL.answered) return;
    if (lane.text.startsWith("HTTP/1.1 200")) this.#times.add(performance.now() - lane.dueMs);
    else this.#failed++;
    lane.dueMs = 0;
    const waits = this.#waiting.shift();
    if (waits === undefined) this.#free.push(socket);
    else this.#send(socket, waits);
  }

  #connect(port: number): Promise<Socket<Lane>> {
    return Bun.connect<Lane>({
      hostname: "127.0.0.1",
      port,
      data: { dueMs: 0, text: "" },
      socket: {
        data: (socket, bytes) => this.#heard(socket, bytes),
        close: (socket) => {
          if (socket.data.dueMs) this.#failed++;
          const at = this.#free.indexOf(socket);
          if (at >= 0) this.#free.splice(at, 1);
        },
      },
    });
  }
}

const [port = 0, connections = 0, perSecond = 0, seconds = 0] = process.argv.slice(2).map(Number);
const loop = new OpenLoop(Math.ceil(perSecond * (seconds + 1)));
console.log(JSON.stringify(await loop.run(port, connections, perSecond, seconds)));
process.exit(0);
