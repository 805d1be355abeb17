import { expect } from "bun:test";
import { resolve } from "node:path";
import { trivetBinary } from "./binary.ts";

const ROLLOUT = resolve(import.meta.dir, "../../deploy/test/rollout/run.ts");

/** Runs the rollout on real nodes; its first run makes a Debian root, which is kept. Throws when a case went wrong. */
export async function runRollout(...flags: readonly string[]): Promise<void> {
  const run = Bun.spawn([process.execPath, ROLLOUT, ...flags, "--trivet", trivetBinary()], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ]);
  // What it can't run it says plainly, and that is no failure.
  console.log(out.trim());
  expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
}
