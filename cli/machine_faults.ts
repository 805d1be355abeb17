import { statSync } from "node:fs";
import { dirname } from "node:path";
import type { Fault } from "../shared/config/config_error.ts";
import type { LineMap } from "../shared/config/line_map.ts";
import type { Path } from "../shared/config/problem.ts";
import type { Config } from "../shared/config/schema.ts";
import type { Shown } from "../shared/config/written.ts";
import { findGroup, findUser } from "../shared/process/account.ts";

/** What a config names and this machine does not have: users, groups, and folders that nobody makes. */
export function machineFaults({ proxy, serve, worker }: Config, lines: LineMap, shown: Shown): Fault[] {
  const faults: Fault[] = [];
  const lack = (path: Path, value: string, what: string, isThere: (value: string) => boolean) => {
    if (value === "" || isThere(value)) return;
    const sentence = `${path.join(".")}: this machine has no ${what} ${shown(path, value)}`;
    faults.push({ line: lines.lineOf(path), sentence });
  };
  for (const [section, { user, group }] of Object.entries({ proxy, serve })) {
    lack([section, "user"], user, "user", (name) => findUser(name) !== undefined);
    lack([section, "group"], group, "group", (name) => findGroup(name) !== undefined);
  }
  lack(["serve", "folder"], serve.folder, "folder", isFolder);
  lack(["worker", "folder"], worker.folder, "folder", isFolder);
  lack(["serve", "env_file"], serve.env_file, "file", isFile);
  lack(["serve", "pid_file"], serve.pid_file, "folder for", liesInFolder);
  const { access_log_to: target } = proxy;
  if (target.startsWith("file:"))
    lack(["proxy", "access_log_to"], target, "folder for", (text) =>
      liesInFolder(text.slice("file:".length)),
    );
  return faults;
}

/** Folders in /run come with the service (systemd.exec(5), RuntimeDirectory=). */
function liesInFolder(path: string): boolean {
  return path.startsWith("/run/") || isFolder(dirname(path));
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
