import { WEIGHT_MAX } from "../shared/config/schema.ts";
import { UserError } from "../shared/user_error.ts";
import { type Running, tell } from "./admin_client.ts";
import { waitForEmpty } from "./backend_wait.ts";
import type { Invocation, Runner } from "./command.ts";
import { backendsOf, edges, type ServerView } from "./edges.ts";
import { complain, say, sayJson } from "./say.ts";
import { formatAge, formatTable } from "./table.ts";
import { trafficTable } from "./traffic_table.ts";

const DONE: Readonly<Record<string, string>> = {
  drain: "takes no new requests; what it has in hand it finishes",
  maint: "takes no requests and is not checked",
  ready: "takes requests when it is up",
  weight: "has its new weight",
};

/** What these order leaves a server with what it has in hand. */
const TAKES_OUT: readonly string[] = ["drain", "maint"];

const COLUMNS = [
  ...["BACKEND", "SERVER", "STATE", "FOR", "WEIGHT", "IN FLIGHT", "MAX", "LAST CHECK"],
  ...["5XX", "REFUSED", "TIMEOUTS", "BROKEN", "LAST ERROR"],
];

export const backend: Runner = {
  async run(invocation) {
    const [verb = "ls", ...operands] = invocation.operands;
    if (verb === "ls") return list(invocation, operands);
    if (!(verb in DONE))
      throw new UserError(`trivet backend has no "${verb}": use ls, drain, ready, maint or weight`, 2);
    return order(invocation, verb, operands);
  },
};

async function list(invocation: Invocation, operands: readonly string[]): Promise<number> {
  if (operands.length > 0) throw new UserError("trivet backend ls takes no further words", 2);
  const backends = (await edges(invocation)).flatMap(backendsOf);
  if (invocation.json) sayJson(backends);
  else {
    const now = Date.now();
    const rows = backends.flatMap(({ name, servers }) => servers.map((server) => row(name, server, now)));
    say(formatTable(COLUMNS, rows));
    const traffic = backends.map(({ name, traffic }) => ({ name, traffic }));
    if (traffic.length > 0) say(`\n${trafficTable("BACKEND", traffic)}`);
    for (const { name, queued } of backends) if (queued > 0) say(`${name}: ${queued} requests wait`);
  }
  return 0;
}

function row(name: string, server: ServerView, now: number): string[] {
  const { address, state, weight, connectionsMax, inFlight, sinceMs, last, errors } = server;
  const counts = errors ? [errors["5xx"], errors.refused, errors.timeouts, errors.broken] : ["", "", "", ""];
  return [
    name,
    address,
    state,
    sinceMs ? formatAge(now - sinceMs) : "-",
    String(weight),
    String(inFlight),
    connectionsMax === 0 ? "-" : String(connectionsMax),
    last ? `${last.said}, ${last.tookMs.toFixed(1)} ms, ${formatAge(now - last.atMs)} ago` : "-",
    ...counts.map(String),
    errors?.last ? `${errors.last.reason}, ${formatAge(now - errors.last.atMs)} ago` : "-",
  ];
}

async function order(invocation: Invocation, verb: string, operands: readonly string[]): Promise<number> {
  const [name, server, number, ...more] = operands;
  const wanted = verb === "weight" ? 3 : 2;
  if (name === undefined || server === undefined || operands.length !== wanted || more.length > 0) {
    const words = `NAME SERVER${verb === "weight" ? " N" : ""}`;
    throw new UserError(`use it as: trivet backend ${verb} ${words}; "trivet backend ls" shows both`, 2);
  }
  const wait = invocation.flags.has("--wait");
  if (wait && !TAKES_OUT.includes(verb))
    throw new UserError(`--wait goes with drain and maint, not with ${verb}`, 2);
  const weight = verb === "weight" ? weightIn(number ?? "") : undefined;
  const running = await edges(invocation);
  // Where two edges run here, the one that has this backend is meant; one says why when none has.
  const having = running.filter((edge) => backendsOf(edge).some((known) => known.name === name));
  const meant = having.length > 0 ? having : running.slice(0, 1);
  const answers: unknown[] = [];
  for (const { socket } of meant) {
    answers.push(await tell(socket, "/order", { mode: "proxy", verb, backend: name, server, weight }));
  }
  if (TAKES_OUT.includes(verb) && (await edges(invocation)).some((edge) => nobodyLeft(edge, name)))
    complain(`no server of ${name} takes requests now: clients get 503 until one does`);
  if (wait) await waitForEmpty(() => edges(invocation), name, server);
  if (invocation.json) sayJson(answers.length === 1 ? answers[0] : answers);
  else say(`${name}: ${server} ${DONE[verb]}`);
  return 0;
}

function nobodyLeft(edge: Running, name: string): boolean {
  const backend = backendsOf(edge).find((known) => known.name === name);
  return backend?.servers.every(({ state }) => state !== "up") ?? false;
}

function weightIn(text: string): number {
  const weight = Number(text);
  if (/^\d+$/.test(text) && weight >= 1 && weight <= WEIGHT_MAX) return weight;
  throw new UserError(
    `a weight is a whole number from 1 to ${WEIGHT_MAX}, not "${text}"; "trivet backend drain" takes a server out`,
    2,
  );
}
