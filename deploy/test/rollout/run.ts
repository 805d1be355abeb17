/**
 * Real systemd nodes, provisioned over SSH by the playbooks of deploy/ansible, under load that goes on until each playbook
 * has ended:
 *
 *   bun deploy/test/rollout/run.ts [--short] [--trivet dist/trivet] [--only WORD [--times N]]
 *
 * It needs root, and Debian's packages ansible, debootstrap, systemd-container, nftables and openssh-client. Everything
 * happens in network namespaces of its own. The exit code is 1 when a case did not go as it should.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { sentenceOf } from "../../../shared/user_error.ts";
import { until } from "../../../test/harness/until.ts";
import { baseRoot, whyNot } from "./base_root.ts";
import { CASES, perform } from "./cases.ts";
import { Lab } from "./lab.ts";
import { LoadProcess } from "./load_process.ts";
import { complaintOf, type Outcome, tableOf } from "./report.ts";
import { attempt } from "./shell.ts";
import { Site } from "./site.ts";

const JOBS_MS = 60_000;

const { values } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    trivet: { type: "string", default: join(import.meta.dir, "../../../dist/trivet") },
    only: { type: "string", default: "" },
    times: { type: "string", default: "1" },
  },
});

async function main(): Promise<number> {
  const reason = await whyNot();
  if (reason) {
    console.log(`not run: ${reason}`);
    return 0;
  }
  const root = await baseRoot().catch((error: unknown) => {
    console.log(`not run: no Debian could be made: ${sentenceOf(error).slice(0, 300)}`);
    return undefined;
  });
  if (root === undefined) return 0;
  const binary = resolve(values.trivet);
  await using lab = await Lab.open();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => lab[Symbol.asyncDispose]().finally(() => process.exit(130)));
  const [edge, ...apps] = await bootAll(lab, root, ["edge1", "app1", "app2"]);
  if (!edge) return 1;
  const site = await Site.make(lab, { edge, apps }, binary);
  const complaints = [...(await install(site)), ...(await openPorts(lab, site))];
  if (complaints.length > 0) return tell(complaints);
  const outcomes: Outcome[] = [];
  const lost = await underLoad(lab, site, binary, outcomes);
  console.log(tableOf(outcomes));
  const enqueued = outcomes.reduce((sum, { tally }) => sum + tally.enqueued.length, 0);
  console.log(`jobs: ${enqueued} enqueued, ${lost.length} lost`);
  return tell([
    ...outcomes
      .map((outcome) => [outcome.one.name, complaintOf(outcome)])
      .filter(([, why]) => why)
      .map((words) => words.join(": ")),
    ...(lost.length > 0 ? [`jobs were lost: ${lost.slice(0, 10).join(", ")}`] : []),
  ]);
}

async function bootAll(lab: Lab, root: string, names: readonly string[]) {
  return Promise.all(names.map((name) => lab.boot(name, root)));
}

/** A second run must find nothing to do. */
async function install(site: Site): Promise<string[]> {
  const first = await site.play("site.yml");
  if (first.code !== 0) return [`site.yml ended with code ${first.code}:\n${first.output.slice(-8000)}`];
  if (values.short) return [];
  const again = await site.play("site.yml");
  console.log(
    `site.yml: ${first.seconds.toFixed(0)} s, again ${again.seconds.toFixed(0)} s with changed=${again.changed}`,
  );
  if (again.code !== 0)
    return [`site.yml ended with code ${again.code} the second time:\n${again.output.slice(-8000)}`];
  const redone = again.output
    .split("\n")
    .filter(
      (line, i, lines) =>
        /^changed:/.test(line) || (line.startsWith("TASK") && lines[i + 1]?.startsWith("changed:")),
    );
  return again.changed === 0 ? [] : [`site.yml changed something the second time:\n${redone.join("\n")}`];
}

/** The world reaches the edge and nothing else: what answers although the firewall should not let it. */
async function openPorts(lab: Lab, { nodes }: Site): Promise<string[]> {
  const inner = [
    ...nodes.apps.map(({ address }) => `${address}:8080`),
    ...[6379, 6380, 9900].map((port) => `${nodes.edge.address}:${port}`),
  ];
  const look = (url: string) => attempt(lab.inside(["curl", "-s", "-m", "1", "-o", "/dev/null", url]));
  const found: string[] = [];
  // A refusal by the node itself is an answer too (7); the firewall is silent (28).
  for (const address of inner)
    if ((await look(`http://${address}/`)).code !== 28) found.push(`${address} is open to the world`);
  const front = `http://${nodes.edge.address}:80/`;
  return (await look(front)).code === 0 ? found : [...found, `${front} is closed to the world`];
}

/** The jobs that were lost. */
async function underLoad(lab: Lab, site: Site, binary: string, outcomes: Outcome[]): Promise<string[]> {
  await using load = new LoadProcess(lab, site.nodes.edge.address);
  await until(async () => (await load.look()).ok > 0, "the load is answered", 20_000);
  const chosen = CASES.filter((one) => one.name.includes(values.only) && (one.short || !values.short));
  for (const one of Array.from({ length: Number(values.times) }, () => chosen).flat()) {
    const startMs = performance.now();
    let fault: string | undefined;
    await load.look();
    try {
      await perform(one, site, binary);
    } catch (error) {
      fault = sentenceOf(error);
    }
    outcomes.push({ one, tally: await load.look(), seconds: (performance.now() - startMs) / 1000, fault });
    console.log(tableOf(outcomes.slice(-1)).split("\n").at(-1));
  }
  const jobs = outcomes.flatMap(({ tally }) => tally.enqueued);
  const done = async () => (await site.unmarked(jobs)).length === 0;
  await until(done, "every job has run", JOBS_MS).catch(() => undefined);
  return site.unmarked(jobs);
}

function tell(complaints: readonly string[]): number {
  for (const complaint of complaints) console.error(complaint);
  return complaints.length > 0 ? 1 : 0;
}

process.exitCode = await main();
