/** Runs a program to its end; its output. Throws with what it said when it fails or takes too long. */
export async function run(command: readonly string[], timeoutMs = 600_000): Promise<string> {
  const { code, output } = await attempt(command, { timeoutMs });
  if (code !== 0) throw new Error(`${command.join(" ")} ended with code ${code}: ${output.slice(-4000)}`);
  return output;
}

export interface Attempt {
  code: number;
  /** stdout and stderr. */
  output: string;
}

/** The same when failing is an answer. */
export async function attempt(
  command: readonly string[],
  { timeoutMs = 600_000, cwd, env }: { timeoutMs?: number; cwd?: string; env?: Record<string, string> } = {},
): Promise<Attempt> {
  const child = Bun.spawn([...command], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
    ...(cwd ? { cwd } : {}),
  });
  const late = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(late);
  return { code, output: out + err };
}
