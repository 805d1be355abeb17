import { expect, test } from "bun:test";
import { copyFile, mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Folder } from "./harness/folder.ts";

const UNITS = resolve(import.meta.dir, "../deploy/systemd");
const NAMES = ["trivet-proxy.service", "trivet-serve@.service", "trivet-worker@.service"];
/** Debian's haproxy has 9.6. */
const EXPOSURE_MAX = 1.3;

/** The units with paths of this machine: verify wants the program to be there. */
async function prepared(
  folder: Folder,
  change: (text: string) => string = (text) => text,
): Promise<string[]> {
  const files: string[] = [];
  for (const name of NAMES) {
    const text = (await Bun.file(join(UNITS, name)).text()).replaceAll(
      "/opt/trivet/current/trivet",
      "/bin/true",
    );
    files.push(await folder.write(name, change(text)));
  }
  return files;
}

function verify(files: readonly string[]): string {
  const { stdout, stderr } = Bun.spawnSync(["systemd-analyze", "verify", ...files]);
  return `${stdout}${stderr}`;
}

test("systemd-analyze has nothing to say about the units", async () => {
  await using folder = await Folder.make();
  // It returns 0 also for keys it does not know.
  expect(verify(await prepared(folder))).toBe("");
  expect(verify(await prepared(folder, (text) => text.replace("Type=notify", "Typ=notify")))).toContain(
    "Typ",
  );
  const units = await prepared(folder, (text) => text.replace("Restart=always", "Restart=sometimes"));
  expect(verify(units)).toContain("restart specifier");
});

test.each(NAMES)("the sandbox of %s", async (name) => {
  const { stdout } = Bun.spawnSync(["systemd-analyze", "security", "--offline=true", join(UNITS, name)]);
  const [, exposure = "10"] = /Overall exposure level for .*: ([\d.]+)/.exec(stdout.toString()) ?? [];
  expect(Number(exposure)).toBeLessThanOrEqual(EXPOSURE_MAX);
});

test("users and folders are made as the files say", async () => {
  await using folder = await Folder.make();
  const root = folder.path;
  for (const kind of ["sysusers", "tmpfiles"]) {
    await mkdir(join(root, "usr/lib", `${kind}.d`), { recursive: true });
    await copyFile(join(UNITS, `trivet.${kind}.conf`), join(root, "usr/lib", `${kind}.d/trivet.conf`));
  }
  await mkdir(join(root, "etc"), { recursive: true });
  const users = Bun.spawnSync(["systemd-sysusers", `--root=${root}`]);
  expect([users.exitCode, users.stderr.toString()]).toEqual([0, expect.not.stringContaining("rror")]);
  const passwd = await Bun.file(join(root, "etc/passwd")).text();
  for (const user of ["trivet-proxy", "trivet-serve", "trivet-worker"]) expect(passwd).toContain(`${user}:`);
  const made = Bun.spawnSync(["systemd-tmpfiles", `--root=${root}`, "--create"]);
  expect(made.stderr.toString()).not.toContain("rror");
  const modeOf = (path: string) =>
    Bun.spawnSync(["stat", "-c", "%a", join(root, path)])
      .stdout.toString()
      .trim();
  expect(modeOf("run/trivet")).toBe("755");
  const groups = await Bun.file(join(root, "etc/group")).text();
  for (const mode of ["proxy", "serve", "worker"]) {
    expect(modeOf(`run/trivet/${mode}`)).toBe("2750");
    expect(groups).toContain(`trivet-${mode}:`);
  }
  // Who commands the edge: nobody who runs an app.
  expect(groups).toMatch(/^trivet-proxy:[^:]*:\d+:(trivet-proxy)?$/m);
  expect(groups).toMatch(/^trivet-site:[^:]*:\d+:trivet-serve,trivet-worker$/m);
});
