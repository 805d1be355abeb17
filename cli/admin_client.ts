import { loadAdminDir } from "../shared/config/load.ts";
import { WRONG_ORDER } from "../shared/process/admin.ts";
import type { Status } from "../shared/process/overview.ts";
import { runDirCandidates } from "../shared/process/run_dir.ts";
import { UserError } from "../shared/user_error.ts";
import type { Invocation } from "./command.ts";
import { type ModeName, socketName } from "./site.ts";

const MODES: readonly ModeName[] = ["up", "proxy", "serve", "worker"];
const ANSWER_MS = 5000;

export interface Running {
  mode: ModeName;
  socket: string;
  status: Status;
}

/** The supervisors that answer on this node, by the admin folder of the config. */
export async function findRunning({ configFile, name }: Invocation): Promise<Running[]> {
  const { adminDir, dir } = await loadAdminDir(configFile);
  const places = runDirCandidates(adminDir, dir).flatMap((runDir) =>
    MODES.map((mode) => ({ mode, socket: `${runDir}/${socketName(mode, name)}` })),
  );
  const found = await Promise.all(
    places.map(async (place) => ({ ...place, status: await ask(place.socket) })),
  );
  return found.flatMap((running) => (running.status ? [{ ...running, status: running.status }] : []));
}

/** Those that the command line names; all when it names none. Throws a UserError when there are none. */
export async function findNamed(invocation: Invocation, undone: string): Promise<Running[]> {
  const [mode, more] = invocation.operands;
  if (more !== undefined || (mode !== undefined && !MODES.some((known) => known === mode)))
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
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return (await response.json()) as Status;
  } catch (error) {
    // No such socket, or one left behind by a process that was killed.
    if (error instanceof Error) return undefined;
    throw error;
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
  });
  if (!response.ok)
    throw new UserError((await response.text()).trim(), response.status === WRONG_ORDER ? 2 : 1);
  return response.json();
}
