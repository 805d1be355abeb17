import type { HealthConfig } from "../shared/config/schema.ts";
import type { CheckResult } from "./health_check.ts";
import type { ServerState } from "./server.ts";

/** What checks have shown of one server: up until `fall` failures in a row, then down until `rise` passes in a row. */
export class ServerHealth {
  state: ServerState = "up";
  last: CheckResult | undefined;
  sinceMs = Date.now();
  /** Results in a row that speak against the present state; the opposite result starts over. */
  #against = 0;

  /** Takes a result; whether the state changed. */
  judge(result: CheckResult, { rise, fall }: Pick<HealthConfig, "rise" | "fall">): boolean {
    this.last = result;
    const agrees = result.passed === (this.state === "up");
    this.#against = agrees ? 0 : this.#against + 1;
    if (this.#against < (this.state === "up" ? fall : rise)) return false;
    this.state = this.state === "up" ? "down" : "up";
    this.sinceMs = result.atMs;
    this.#against = 0;
    return true;
  }
}
