import { join } from "node:path";
import { parseArgs } from "node:util";
import { number, words } from "../rig/flags.ts";
import { EDGE_CASES, OTHER_CASES } from "./case.ts";

export interface Options {
  binaries: string[];
  cases: string[];
  peers: string[];
  rounds: number;
  seconds: number;
  warmUp: number;
  offered: number;
  idle: number;
  withLog: boolean;
  json: boolean;
}

export function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      trivet: { type: "string", multiple: true, default: [join(import.meta.dir, "../../dist/trivet")] },
      cases: { type: "string", default: [...EDGE_CASES.map(({ name }) => name), ...OTHER_CASES].join(",") },
      peers: { type: "string", default: "haproxy,nginx" },
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "2.5" },
      "warm-up": { type: "string", default: "0.4" },
      offered: { type: "string", default: "8000" },
      idle: { type: "string", default: "9000" },
      log: { type: "string", default: "off" },
      json: { type: "boolean", default: false },
    },
  });
  const options = {
    binaries: values.trivet,
    cases: words(values.cases, [...EDGE_CASES.map(({ name }) => name), ...OTHER_CASES], "--cases"),
    peers: words(values.peers, ["haproxy", "nginx"], "--peers"),
    rounds: number(values.rounds, "--rounds"),
    seconds: number(values.seconds, "--seconds"),
    warmUp: number(values["warm-up"], "--warm-up"),
    offered: number(values.offered, "--offered"),
    idle: number(values.idle, "--idle"),
    withLog: words(values.log, ["json", "off"], "--log").includes("json"),
    json: values.json,
  };
  return options;
}
