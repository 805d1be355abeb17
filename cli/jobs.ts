import { jobsClient } from "../daemon/sdk/jobs_client.ts";
import { trivetModule } from "../daemon/sdk/trivet_module.ts";
import { folderOf, provideModules } from "../daemon/sdk/user_code.ts";
import { isQueue } from "../shared/store/jobs/new_job.ts";
import { sentenceOf, UserError } from "../shared/user_error.ts";
import { findRunning, tell } from "./admin_client.ts";
import type { Invocation, Runner } from "./command.ts";
import { deadFilter, list, listDead, show } from "./jobs_list.ts";
import { flagText, type OpenedStore, withStore } from "./jobs_store.ts";
import { refuseSurplus } from "./jobs_words.ts";
import { loadHandlers } from "./load_handlers.ts";
import { say, sayJson } from "./say.ts";

type Verb = (opened: OpenedStore, invocation: Invocation, operands: readonly string[]) => Promise<void>;

const VERBS: Readonly<Record<string, Verb>> = {
  ls: list,
  show,
  enqueue,
  retry,
  kill,
  pause: (opened, invocation, operands) => setPaused(opened, invocation, operands, true),
  resume: (opened, invocation, operands) => setPaused(opened, invocation, operands, false),
  dead: (opened, invocation) =>
    invocation.flags.has("--replay") ? replay(opened, invocation) : listDead(opened, invocation),
};

export const jobs: Runner = {
  async run(invocation) {
    const [name = "ls", ...operands] = invocation.operands;
    refuseSurplus(name, operands, invocation);
    if (name === "quiet") return quiet(invocation);
    const verb = VERBS[name];
    if (!verb) throw new UserError(`trivet jobs has no "${name}"`, 2);
    return withStore(invocation, (opened) => verb(opened, invocation, operands));
  },
};

async function enqueue(
  { store, handlers }: OpenedStore,
  invocation: Invocation,
  [type, text = "null"]: readonly string[],
): Promise<void> {
  if (!type)
    throw new UserError('name the job\'s type: trivet jobs enqueue send_email \'{"to":"a@example.com"}\'', 2);
  const queue = flagText(invocation, "--queue");
  const payload = parsePayload(text);
  const client = jobsClient({
    openStore: () => store,
    loadHandlers: () => loadHandlers(handlers),
  });
  // jobs.ts may use it when it is loaded.
  provideModules(folderOf(handlers), trivetModule(client.jobs));
  const id = await client.jobs.enqueue(type, payload, queue ? { queue } : {}).catch(asUsage);
  if (invocation.json) sayJson({ id });
  else say(id);
}

/** Dead jobs begin anew; those that wait for their next try, or a moment, get it now. */
async function retry(
  { store, queues }: OpenedStore,
  invocation: Invocation,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) throw new UserError("name the jobs: trivet jobs retry ID…", 2);
  const retried = new Set<string>();
  for (const queue of queues) {
    for (const id of await store.desk.hurry(queue, ids)) retried.add(id);
    for (const id of ids) if ((await store.replay(queue, { ids: [id] })) > 0) retried.add(id);
  }
  report(invocation, "retried", ids, retried, "neither dead nor delayed");
}

async function kill(
  { store, queues }: OpenedStore,
  invocation: Invocation,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) throw new UserError("name the jobs: trivet jobs kill ID…", 2);
  const killed = new Set<string>();
  for (const queue of queues) for (const id of await store.desk.kill(queue, ids)) killed.add(id);
  report(invocation, "killed", ids, killed, "done or dead, or never was");
}

/** Throws a UserError that names those with which nothing could be done. */
function report(
  { json }: Invocation,
  what: string,
  ids: readonly string[],
  done: ReadonlySet<string>,
  whyNot: string,
): void {
  if (json) sayJson({ [what]: [...done] });
  else for (const id of done) say(`${id} ${what}`);
  const rest = ids.filter((id) => !done.has(id));
  if (rest.length > 0) throw new UserError(`not ${what}, because ${whyNot}: ${rest.join(" ")}`);
}

/** For all workers of the store, at once and until it is resumed. */
async function setPaused(
  { store }: OpenedStore,
  { json }: Invocation,
  [queue]: readonly string[],
  paused: boolean,
): Promise<void> {
  const verb = paused ? "pause" : "resume";
  if (!queue) throw new UserError(`name the queue: trivet jobs ${verb} default`, 2);
  if (!isQueue(queue)) throw new UserError(`${JSON.stringify(queue)} is no name of a queue`, 2);
  await store.setRules(queue, { paused });
  if (json) sayJson({ queue, paused });
  else say(paused ? `${queue} is paused: what runs goes on, nothing new begins` : `${queue} goes on`);
}

async function replay({ store, queues }: OpenedStore, invocation: Invocation): Promise<void> {
  const filter = deadFilter(invocation);
  let replayed = 0;
  for (const queue of queues) replayed += await store.replay(queue, filter);
  if (invocation.json) sayJson({ replayed });
  else say(replayed === 1 ? "1 job put back" : `${replayed} jobs put back`);
}

/** The workers of this node take nothing new until they are restarted. */
async function quiet(invocation: Invocation): Promise<number> {
  const workers = (await findRunning(invocation)).filter(({ status }) => status.modes["worker"]);
  if (workers.length === 0)
    throw new UserError("no worker runs here with this config: name the config with -c FILE");
  for (const { socket } of workers) await tell(socket, "/order", { mode: "worker", verb: "quiet" });
  if (invocation.json) sayJson({ quiet: workers.map(({ mode }) => mode) });
  else say("quiet: what runs goes on, nothing new is taken here; TERM ends it, a restart undoes it");
  return 0;
}

function parsePayload(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(
      `the payload is not JSON: ${sentenceOf(error)}; write it like '{"to":"a@example.com"}'`,
      2,
    );
  }
}

function asUsage(error: unknown): never {
  throw error instanceof TypeError ? new UserError(error.message, 2, { cause: error }) : error;
}
