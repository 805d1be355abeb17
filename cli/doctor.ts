import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { type LoadedConfig, loadConfig } from "../shared/config/load.ts";
import type { Diagnosis, Verdict } from "../shared/doctor/diagnosis.ts";
import { examine } from "../shared/doctor/examine.ts";
import { checkNode } from "../shared/doctor/node.ts";
import type { Roles } from "../shared/doctor/ports.ts";
import { UserError } from "../shared/user_error.ts";
import { lookAround, type Running } from "./admin_client.ts";
import type { Invocation, Runner } from "./command.ts";
import { say, sayJson } from "./say.ts";
import { VERSION } from "./version.ts";

const MARK: Record<Verdict, string> = { ok: "ok    ", advice: "advice", broken: "BROKEN" };

export const doctor: Runner = {
  async run(invocation) {
    const wanted = connectionsWanted(invocation);
    const loaded = await loadConfig(invocation.configFile);
    const { own: running } = await lookAround(invocation);
    const found = await examineAll(invocation, loaded, running, wanted);
    if (invocation.json) sayJson(found);
    else say(pageOf(found));
    return found.some(({ verdict }) => verdict === "broken") ? 1 : 0;
  },
};

async function examineAll(
  { flags }: Invocation,
  { config, dir, lines, file }: LoadedConfig,
  running: readonly Running[],
  connections: number | undefined,
): Promise<Diagnosis[]> {
  const node = flags.has("--node");
  const machine = await examine({
    config,
    dir,
    roles: node ? rolesRunning(running) : rolesOf({ config, lines, file }),
    cores: availableParallelism(),
    connections,
    pid: node ? busiestPid(running) : undefined,
    running: running.length > 0,
  });
  return node ? [...checkNode(running, VERSION), ...machine] : machine;
}

/** What the file speaks of; the user's own files say it too. Without both: all. */
function rolesOf({ config, lines, file }: Pick<LoadedConfig, "config" | "lines" | "file">): Roles {
  const roles = {
    proxy: lines.has(["proxy"]) || lines.has(["backend"]),
    serve: lines.has(["serve"]) || existsSync(config.serve.app),
    worker: lines.has(["worker"]) || existsSync(config.worker.handlers),
  };
  const none = !roles.proxy && !roles.serve && !roles.worker;
  return none || file === undefined ? { proxy: true, serve: true, worker: true } : roles;
}

function rolesRunning(running: readonly Running[]): Roles {
  const runs = (mode: string) => running.some(({ status }) => status.modes[mode] !== undefined);
  return { proxy: runs("proxy"), serve: runs("serve"), worker: runs("worker") };
}

/** The process whose limits matter most: the edge's, where there is one. */
function busiestPid(running: readonly Running[]): number | undefined {
  const edge = running.find(({ status }) => status.modes["proxy"]);
  return (edge ?? running[0])?.status.pid;
}

function connectionsWanted({ flags }: Invocation): number | undefined {
  const text = flags.get("--connections");
  if (typeof text !== "string") return undefined;
  const wanted = Number(text);
  if (Number.isInteger(wanted) && wanted >= 1) return wanted;
  throw new UserError(`--connections ${text}: give a whole number from 1`, 2);
}

function pageOf(found: readonly Diagnosis[]): string {
  const count = (verdict: Verdict) => found.filter((one) => one.verdict === verdict).length;
  return [
    ...found.map(paragraphOf),
    "",
    `${count("ok")} ok, ${count("advice")} could be better, ${count("broken")} would break`,
  ].join("\n");
}

function paragraphOf({ verdict, name, saw, why, change }: Diagnosis): string {
  const first = `${MARK[verdict]}  ${name}: ${saw}`;
  return verdict === "ok" ? first : `${first}\n          why   ${why}\n          type  ${change}`;
}
