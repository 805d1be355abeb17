import { existsSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { UserError } from "../../shared/user_error.ts";

const GIB = 1024 ** 3;

/** "AMD EPYC, 2 cores, 23.5 GiB, Linux 6.18" */
export function describeMachine(): string {
  const memory = `${(totalmem() / GIB).toFixed(1)} GiB`;
  return `${cpus()[0]?.model.trim() ?? "?"}, ${cpus().length} cores, ${memory}, Linux ${release()}, Bun ${Bun.version}`;
}

/** Programs with the Debian package that has them. */
const PACKAGES: Readonly<Record<string, string>> = {
  wrk: "wrk",
  nginx: "nginx",
  haproxy: "haproxy",
  taskset: "util-linux",
};

// Debian leaves servers out of a user's path.
process.env["PATH"] = `${process.env["PATH"]}:/usr/sbin:/sbin`;

export function hasProgram(name: string): boolean {
  return Bun.which(name, { PATH: process.env["PATH"] ?? "" }) !== null;
}

/** Throws a UserError that names all that are missing. */
export function needPrograms(names: readonly string[]): void {
  const missing = names.filter((name) => !hasProgram(name));
  if (missing.length === 0) return;
  const packages = missing.map((name) => PACKAGES[name] ?? name);
  throw new UserError(
    `This needs ${missing.join(", ")}: apt-get install --no-install-recommends ${packages.join(" ")}`,
  );
}

export function needBinary(path: string): void {
  if (!existsSync(path)) throw new UserError(`There is no ${path}: run bin/build, or name one with --trivet`);
}

/** The first line that each program says of itself. */
export function versionsOf(commands: readonly (readonly string[])[]): string {
  return commands.map((words) => firstLine(words)).join("; ");
}

function firstLine(words: readonly string[]): string {
  const { stdout, stderr } = Bun.spawnSync([...words], { env: process.env });
  return (stdout.toString() || stderr.toString()).split("\n")[0]?.trim() ?? "";
}
