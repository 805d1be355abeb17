import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { trivetBinary } from "./harness/binary.ts";

const ROLLOUT = resolve(import.meta.dir, "../deploy/test/rollout/run.ts");

/** The short form; test/long runs the whole. The first run makes a Debian root, which is kept. */
test("the playbooks install and upgrade real nodes under load, where this machine can run them", async () => {
  const run = Bun.spawn([process.execPath, ROLLOUT, "--short", "--trivet", trivetBinary()], {
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
}, 900_000);
