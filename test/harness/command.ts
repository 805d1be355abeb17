import { trivetBinary } from "./binary.ts";

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  cwd?: string;
  /** On top of this process's environment; undefined removes. */
  env?: Record<string, string | undefined>;
  stdin?: string;
  timeoutMs?: number;
}

/** Runs `trivet ARGS` to its end. One that takes longer than `timeoutMs` is killed and thrown. */
export async function runTrivet(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { cwd, env, stdin = "", timeoutMs = 60_000 } = options;
  const process_ = Bun.spawn([trivetBinary(), ...args], {
    ...(cwd ? { cwd } : {}),
    env: { ...process.env, ...env },
    stdin: new TextEncoder().encode(stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    process_.kill("SIGKILL");
  }, timeoutMs);
  const [stdout, stderr, code] = await Promise.all([
    new Response(process_.stdout).text(),
    new Response(process_.stderr).text(),
    process_.exited,
  ]);
  clearTimeout(timer);
  if (late)
    throw new Error(`trivet ${args.join(" ")} did not end within ${timeoutMs} ms: ${stdout}${stderr}`);
  return { code, stdout, stderr };
}
