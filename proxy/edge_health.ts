import type { Exchange } from "./exchange_state.ts";
import { equals, octets } from "./http/octets.ts";

const QUESTION = 63;

/** What [proxy.health] answers: whether a balancer in front of us should send requests here. */
export class EdgeHealth {
  /** We are about to leave: whoever asks is told to go elsewhere, before listeners close. */
  leaving = false;
  /** Servers that are up, over all backends. */
  serversUp = 0;
  #path = octets("");
  #failBelow = 0;

  /** `path`: "" answers nothing. */
  adopt(path: string, failBelow: number): void {
    this.#path = octets(path);
    this.#failBelow = failBelow;
  }

  /** Whether the request is for us and not for a server; the query does not count. */
  asked({ bytes, request, reading }: Exchange): boolean {
    const path = this.#path;
    if (path.length === 0) return false;
    if (reading !== null) return reading.path === path.toString("latin1");
    const { pathStart, targetEnd } = request;
    const end = pathStart + path.length;
    return (
      end <= targetEnd &&
      equals(bytes, pathStart, end, path) &&
      (end === targetEnd || bytes[end] === QUESTION)
    );
  }

  get status(): 200 | 503 {
    return this.leaving || this.serversUp < this.#failBelow ? 503 : 200;
  }
}
