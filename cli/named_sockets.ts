import { readdirSync } from "node:fs";

/** Of modes started with --name. */
const NAMED = /^(?:up|proxy|serve|worker)-([A-Za-z0-9_-]{1,16})\.sock$/;
/** The app's children have theirs in the same folder (serve-PID-NUMBER.sock), and behind those are no supervisors. */
const OF_CHILD = /^\d+-\d+$/;

export interface NamedSocket {
  name: string;
  socket: string;
}

/** The admin sockets of instances that have a name, in an admin folder; none where it can't be read. */
export function namedSockets(runDir: string): NamedSocket[] {
  return entries(runDir).flatMap((entry) => {
    const name = NAMED.exec(entry)?.[1];
    return name === undefined || OF_CHILD.test(name) ? [] : [{ name, socket: `${runDir}/${entry}` }];
  });
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error instanceof Error && "code" in error) return [];
    throw error;
  }
}
