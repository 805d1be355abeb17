import { join } from "node:path";
import { parseArgs } from "node:util";
import { number, words } from "../rig/flags.ts";
import { OTHER_CASES, SERVE_CASES } from "./case.ts";

export interface Options {
  trivet: string;
  /** The program pm2-runtime. */
  pm2: string;
  cases: string[];
  rounds: number;
  seconds: number;
  warmUp: number;
  starts: number;
  json: boolean;
}

export function readOptions(): Options {
  const cases = [...SERVE_CASES.map(({ name }) => name), ...OTHER_CASES];
  const { values } = parseArgs({
    options: {
      trivet: { type: "string", default: join(import.meta.dir, "../../dist/trivet") },
      pm2: { type: "string", default: "pm2-runtime" },
      cases: { type: "string", default: cases.join(",") },
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "2.5" },
      "warm-up": { type: "string", default: "0.4" },
      starts: { type: "string", default: "20" },
      json: { type: "boolean", default: false },
    },
  });
  return {
    trivet: values.trivet,
    pm2: values.pm2,
    cases: words(values.cases, cases, "--cases"),
    rounds: number(values.rounds, "--rounds"),
    seconds: number(values.seconds, "--seconds"),
    warmUp: number(values["warm-up"], "--warm-up"),
    starts: number(values.starts, "--starts"),
    json: values.json,
  };
}
