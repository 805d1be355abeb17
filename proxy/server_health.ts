import type { HealthConfig } from "../shared/config/schema.ts";
import type { CheckResult } from "./health_check.ts";

/** What checks have shown of one server: up until `fall` failures in a row, then down until `rise` passes in a row. */
export class ServerHealth {
  state: "up" | "down" = "up";
  last: CheckResult | undefined;
  sinceMs = Date.now();
  /** Its answers took it down, not checks. */
  ejected = false;
  /** Requests that failed since the last one that went well, as all data-plane processes have told. */
  errorsInRow = 0;
  /** It has been down before. */
  recovered = false;
  /** Results in a row that speak against the present state; the opposite result starts over. */
  #against = 0;

  /** Takes a result; whether the state changed. */
  judge(result: CheckResult, { rise, fall }: Pick<HealthConfig, "rise" | "fall">): boolean {
    this.last = result;
    // A check that was under way when the answers took it down says nothing of it since.
    if (this.ejected && result.atMs < this.sinceMs) return false;
    const agrees = result.passed === (this.state === "up");
    this.#against = agrees ? 0 : this.#against + 1;
    if (this.#against < (this.state === "up" ? fall : this.ejected ? 1 : rise)) return false;
    if (this.state === "down") this.comeBack(result.atMs);
    else this.#turn("down", result.atMs);
    return true;
  }

  /** What a data-plane process has seen of its answers; whether `limit` errors in a row are reached, again and again. */
  saw({ errors, well }: { errors: number; well: boolean }, limit: number): boolean {
    this.errorsInRow = (well ? 0 : this.errorsInRow) + errors;
    if (this.errorsInRow < limit) return false;
    this.errorsInRow = 0;
    return true;
  }

  /** Its answers are enough. */
  eject(nowMs: number): void {
    this.#turn("down", nowMs);
    this.ejected = true;
  }

  comeBack(nowMs: number): void {
    this.#turn("up", nowMs);
    this.ejected = false;
    this.recovered = true;
  }

  #turn(state: "up" | "down", nowMs: number): void {
    this.state = state;
    this.sinceMs = nowMs;
    this.#against = 0;
    this.errorsInRow = 0;
  }
}
