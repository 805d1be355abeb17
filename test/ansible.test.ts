import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { Folder } from "./harness/folder.ts";

const ANSIBLE = resolve(import.meta.dir, "../deploy/ansible");

/** Ansible wants files that block, which a pipe of Bun's does not. */
async function run(...command: readonly string[]): Promise<{ code: number; output: string }> {
  await using folder = await Folder.make();
  const log = `${folder.path}/log`;
  const process_ = Bun.spawn(["sh", "-c", 'exec "$0" "$@" >"$LOG" 2>&1', ...command], {
    cwd: ANSIBLE,
    env: { ...process.env, LOG: log, ANSIBLE_CACHE_PLUGIN_CONNECTION: folder.path, NO_COLOR: "1" },
  });
  const code = await process_.exited;
  return { code, output: await Bun.file(log).text() };
}

test("ansible-lint's production profile finds nothing", async () => {
  const { code, output } = await run(
    "ansible-lint",
    "--offline",
    "--nocolor",
    "--profile",
    "production",
    "-p",
  );
  expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining("0 failure(s)") });
}, 240_000);

test.each(["site.yml", "upgrade.yml", "rollback.yml", "drain.yml"])(
  "%s is a playbook",
  async (playbook) => {
    expect(await run("ansible-playbook", "--syntax-check", playbook)).toMatchObject({ code: 0 });
  },
  240_000,
);

test("the inventory puts nodes into their groups", async () => {
  const { code, output } = await run("ansible-inventory", "--list");
  expect(code).toBe(0);
  const inventory = JSON.parse(output) as Record<string, { hosts?: string[] }>;
  expect(inventory["edge"]?.hosts).toEqual(["edge1"]);
  expect(inventory["worker"]?.hosts).toEqual(["app1", "app2"]);
}, 120_000);
