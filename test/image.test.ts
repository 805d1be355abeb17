import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Folder } from "./harness/folder.ts";

const IMAGE = resolve(import.meta.dir, "../deploy/image");
const BINARY = "#!/bin/sh\necho a binary\n";
/** echo -n of it | sha256sum | cut -c1-12 */
const RELEASE = new Bun.CryptoHasher("sha256").update(BINARY).digest("hex").slice(0, 12);

/** Under an umask that would shut others out of what is made. */
function run(program: string, ...args: readonly string[]): { code: number; output: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([
    "sh",
    "-c",
    'umask 077; exec "$0" "$@"',
    program,
    ...args,
  ]);
  return { code: exitCode, output: `${stdout}${stderr}` };
}

test("the bundle holds the release and the units, and is the same each time", async () => {
  await using folder = await Folder.make({ trivet: BINARY });
  const make = (name: string) =>
    run(join(IMAGE, "bundle"), join(folder.path, "trivet"), join(folder.path, name));
  const [one, two] = [make("one"), make("two")];
  expect([one.code, two.code]).toEqual([0, 0]);
  expect(one.output.split(" ")[0]).toBe(two.output.split(" ")[0] ?? "");
  const listed = run("tar", "-tvzf", join(folder.path, "one")).output;
  for (const folder of ["etc/", "usr/", "opt/"])
    expect(listed).toMatch(new RegExp(`^drwxr-xr-x .* ${folder}$`, "m"));
  expect(listed).toContain(`opt/trivet/current -> releases/${RELEASE}`);
  for (const file of [
    `opt/trivet/releases/${RELEASE}/trivet`,
    "etc/systemd/system/trivet-serve@.service",
    "etc/sysusers.d/trivet.conf",
    "usr/local/sbin/trivet-become",
  ])
    expect(listed).toContain(file);
});

test("the image is a file system with the release and without another machine's keys", async () => {
  await using folder = await Folder.make({ trivet: BINARY });
  const root = join(folder.path, "root");
  await mkdir(join(root, "etc/ssh"), { recursive: true });
  await Bun.write(join(root, "etc/ssh/ssh_host_ed25519_key"), "a key");
  const image = join(folder.path, "trivet.img");
  const made = run(join(IMAGE, "build"), join(folder.path, "trivet"), `${image}.gz`, root);
  expect({ code: made.code, output: made.output }).toEqual({
    code: 0,
    output: expect.stringContaining("trivet.img.gz"),
  });
  expect(run("gunzip", `${image}.gz`).code).toBe(0);
  const look = (command: string) => run("/sbin/debugfs", "-R", command, image).output;
  expect(look(`cat /opt/trivet/releases/${RELEASE}/trivet`)).toContain("echo a binary");
  expect(look("stat /opt/trivet/current")).toContain(`releases/${RELEASE}`);
  expect(look("ls /etc/ssh")).not.toContain("ssh_host");
}, 120_000);

test("a machine can't become what it has no config for", () => {
  expect(run(join(IMAGE, "become"))).toMatchObject({ code: 2 });
  expect(run(join(IMAGE, "become"), "app")).toMatchObject({ code: 2 });
  expect(run(join(IMAGE, "become"), "app", "nosuch")).toEqual({
    code: 1,
    output: "there is no /etc/trivet/nosuch.toml: write it first\n",
  });
});
