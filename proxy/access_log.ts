import { LineWriter } from "../shared/line_writer.ts";
import type { Ending, Exchange } from "./exchange_state.ts";
import type { RequestIds } from "./request_id.ts";

const TARGET_CHARS_MAX = 2048;

/** One JSON line an exchange: who asked for what, who answered, how long it took and how it ended. */
export class AccessLog {
  readonly #writer: LineWriter;
  readonly #ids: RequestIds;

  constructor(target: string, ids: RequestIds) {
    this.#writer = new LineWriter(target);
    this.#ids = ids;
  }

  write(exchange: Exchange, ending: Ending, durationMs: number): void {
    this.#writer.write(accessLine(exchange, ending, durationMs, new Date(), this.#ids.text(exchange.id)));
  }

  /** Lines lost to a reader that was too slow. */
  get dropped(): number {
    return this.#writer.dropped;
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}

/** Built by hand: a serializer would cost more than the rest of the exchange's bookkeeping. */
export function accessLine(
  exchange: Exchange,
  ending: Ending,
  durationMs: number,
  now: Date,
  id: string,
): string {
  const { session, unreadable, route, server, status, attempts, responseBytes, requestBody, firstByteMs } =
    exchange;
  const what = unreadable
    ? ""
    : `,"method":${JSON.stringify(exchange.method)},"host":${JSON.stringify(exchange.host)},"target":${JSON.stringify(exchange.target.slice(0, TARGET_CHARS_MAX))}`;
  const who = route
    ? `,"backend":"${route.backend.name}","server":${server ? `"${server.address}"` : "null"},"retries":${Math.max(0, attempts - 1)}`
    : "";
  const first = firstByteMs < 0 ? "" : `,"first_byte_ms":${round(firstByteMs)}`;
  return `{"time":"${now.toISOString()}","id":"${id}","client":"${session.peer.address}"${what},"status":${status},"ended":"${ending}","ms":${round(durationMs)}${first},"bytes_in":${requestBody.bytes},"bytes_out":${responseBytes}${who}}\n`;
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
