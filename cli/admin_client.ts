import { sameConfig } from "../shared/config/config_place.ts";
import { loadAdminDir } from "../shared/config/load.ts";
import { WRONG_ORDER } from "../shared/process/admin.ts";
import type { Status } from "../shared/process/overview.ts";
import { isClosed, runDirCandidates } from "../shared/process/run_dir.ts";
import { UserError } from "../shared/user_error.ts";
import type { Invocation } from "./command.ts";
import { namedSockets } from "./named_sockets.ts";
import { say } from "./say.ts";
import { type ModeName, socketName } from "./site.ts";

const MODES: readonly ModeName[] = ["up", "proxy", "serve", "worker"];
const ANSWER_MS = 5000;
/** Most are done by then. */
const PATIENCE_MS = 3000;

export interface Running {
  mode: ModeName;
  socket: string;
  status: Status;
}

/** Who answers in the admin folder of a config. */
export interface Found {
  /** Those that run with this config; all, when there is no config file and nobody runs on its defaults. */
  own: Running[];
  /** Those that run with another one. */
  others: Running[];
  /** The config file, or where it would be. */
  place: string;
}

export async function lookAround({ configFile, name }: Invocation): Promise<Found> {
  const { adminDir, dir, there, place } = await loadAdminDir(configFile);
  const places = MODES.flatMap((mode) =>
    runDirCandidates(adminDir, mode, dir).map((runDir) => ({
      mode,
      socket: `${runDir}/${socketName(mode, name)}`,
    })),
  );
  const found = await Promise.all(
    places.map(async (place) => ({ ...place, status: await ask(place.socket) })),
  );
  const running = found.flatMap((one) => (one.status ? [{ ...one, status: one.status }] : []));
  const { own = [], others = [] } = Object.groupBy(running, ({ status }) =>
    status.config === undefined || sameConfig(status.config, place) ? "own" : "others",
  );
  return there || own.length > 0 ? { own, others, place } : { own: others, others: [], place };
}

/** The supervisors that run with this config. Throws a UserError when only those of other configs or names answer here. */
export async function findRunning(invocation: Invocation): Promise<Running[]> {
  const { own, others, place } = await lookAround(invocation);
  const [other] = others;
  if (own.length > 0) return own;
  if (!other) {
    const names = await otherNames(invocation);
    if (names.length === 0) {
      const closed = await closedFolders(invocation);
      if (closed.length === 0) return own;
      throw new UserError(`nothing that you may ask runs here with this config: ${closedSentence(closed)}`);
    }
    const what = invocation.name ? `with --name ${invocation.name}` : "without a name";
    throw new UserError(`nothing runs here ${what}: say --name ${names.join(", or --name ")}`);
  }
  const { mode, socket, status } = other;
  throw new UserError(
    `nothing runs with ${place}: the ${mode} that answers on ${socket} is process ${status.pid} and runs with ${status.config}; add -c ${status.config} if you mean that one`,
  );
}

/** The folders of admin sockets that are there and not for this user. */
export async function closedFolders({ configFile }: Invocation): Promise<string[]> {
  const { adminDir, dir } = await loadAdminDir(configFile);
  const folders = MODES.flatMap((mode) => runDirCandidates(adminDir, mode, dir));
  return [...new Set(folders)].filter(isClosed);
}

export function closedSentence(folders: readonly string[]): string {
  const list = folders.join(" and ");
  return `${list} ${folders.length === 1 ? "is" : "are"} for root and a group of ${folders.length === 1 ? "its" : "their"} own ("ls -ld ${folders.join(" ")}" names it)`;
}

/** The names by which something runs here with this config; with any, when there is no config file. */
async function otherNames({ configFile, name }: Invocation): Promise<string[]> {
  const { adminDir, dir, there, place } = await loadAdminDir(configFile);
  const folders = MODES.flatMap((mode) => runDirCandidates(adminDir, mode, dir));
  const sockets = [...new Set(folders)].flatMap(namedSockets);
  const found = await Promise.all(
    sockets
      .filter((other) => other.name !== name)
      .map(async (other) => ({ name: other.name, config: (await ask(other.socket))?.config })),
  );
  const meant = found.filter(({ config }) => config !== undefined && (!there || sameConfig(config, place)));
  return [...new Set(meant.map((other) => other.name))].toSorted();
}

/** Those that the command line names; all when it names none. Throws a UserError when there are none. */
export async function findNamed(invocation: Invocation, undone: string): Promise<Running[]> {
  const [mode] = invocation.operands;
  if (mode !== undefined && !MODES.some((known) => known === mode))
    throw new UserError(`name one mode, ${MODES.join(", ")}, or none for all that run here`, 2);
  const running = await findRunning(invocation);
  const named = mode === undefined ? running : running.filter((one) => one.mode === mode);
  if (named.length > 0) return named;
  throw new UserError(
    `${mode === undefined ? "nothing" : `no ${mode}`} runs here with this config: ${undone}`,
  );
}

async function ask(socket: string): Promise<Status | undefined> {
  try {
    const response = await fetch("http://trivet/status", {
      unix: socket,
      // A kept connection would lead to the one before an upgrade.
      keepalive: false,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return (await response.json()) as Status;
  } catch (error) {
    // No such socket, or one left behind by a process that was killed.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** The same for what may take long: says so after a while, and what it waits for. */
export async function tellPatiently({ mode, socket }: Running, path: "/reload" | "/upgrade"): Promise<void> {
  const timer = setTimeout(async () => {
    const underway = (await ask(socket))?.underway;
    if (underway) say(`${mode}: waiting for ${underway}`);
  }, PATIENCE_MS);
  try {
    await tell(socket, path);
  } finally {
    clearTimeout(timer);
  }
}

/** Has a supervisor do something; its answer. Throws its sentence when it can't. */
export async function tell(
  socket: string,
  path: "/reload" | "/upgrade" | "/order",
  body?: unknown,
): Promise<unknown> {
  const response = await fetch(`http://trivet${path}`, {
    unix: socket,
    method: "POST",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    const sentence = `who answered on ${socket} has ended before it was done: its log says more`;
    throw new UserError(sentence, 1, { cause: error });
  });
  if (!response.ok)
    throw new UserError((await response.text()).trim(), response.status === WRONG_ORDER ? 2 : 1);
  return response.json();
}
