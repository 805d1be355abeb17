import { expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Folder } from "../../test/harness/folder.ts";
import { until } from "../../test/harness/until.ts";
import { PidFile } from "./pid_file.ts";

test("written, moved, removed, with nothing left beside", async () => {
  await using folder = await Folder.make();
  const file = new PidFile(join(folder.path, "a.pid"));
  file.check(false);
  file.write();
  expect(readFileSync(join(folder.path, "a.pid"), "utf8")).toBe(`${process.pid}\n`);
  file.move(join(folder.path, "b.pid"));
  expect(readdirSync(folder.path)).toEqual(["b.pid"]);
  file.remove();
  file.remove();
  expect(readdirSync(folder.path)).toEqual([]);
});

test.each(["", "not a number", "-1", "99999999", String(process.pid), String(process.ppid)])(
  "what is left behind is no obstacle: %p",
  async (content) => {
    await using folder = await Folder.make({ "a.pid": content });
    const file = new PidFile(join(folder.path, "a.pid"));
    file.check(false);
    file.write();
    expect(await Bun.file(join(folder.path, "a.pid")).text()).toBe(`${process.pid}\n`);
  },
);

test("one that has ended is no obstacle, also before its parent has asked how", async () => {
  await using folder = await Folder.make();
  // sleep asks after no child.
  const script = `cp /bin/true trivet; ./trivet & echo $! > a.pid; exec sleep 60`;
  const parent = Bun.spawn(["sh", "-c", script], { cwd: folder.path });
  try {
    const path = join(folder.path, "a.pid");
    const stat = () => readFileSync(`/proc/${readFileSync(path, "utf8").trim()}/stat`, "utf8");
    await until(() => existsSync(path) && stat().includes("(trivet) Z"), "it has ended");
    new PidFile(path).check(false);
  } finally {
    parent.kill();
    await parent.exited;
  }
});

test("another's file is not removed", async () => {
  await using folder = await Folder.make();
  const path = join(folder.path, "a.pid");
  const file = new PidFile(path);
  file.write();
  writeFileSync(path, "1\n");
  file.remove();
  expect(readFileSync(path, "utf8")).toBe("1\n");
});

test("what was put in its place is neither followed nor waited for", async () => {
  await using folder = await Folder.make({ victim: "4711\n" });
  const path = join(folder.path, "a.pid");
  const victim = join(folder.path, "victim");
  const places = [() => symlinkSync(victim, path), () => Bun.spawnSync(["mkfifo", path])];
  for (const put of places) {
    put();
    const file = new PidFile(path);
    file.check(false);
    file.write();
    expect(readFileSync(path, "utf8")).toBe(`${process.pid}\n`);
    expect(readFileSync(victim, "utf8")).toBe("4711\n");
    file.remove();
    expect(readdirSync(folder.path)).toEqual(["victim"]);
  }
});

// Who runs the suite decides which of the two can be tried.
test("root's lies in a folder of root's, anybody else's where he may write", async () => {
  await using folder = await Folder.make();
  chmodSync(folder.path, 0o777);
  const file = new PidFile(join(folder.path, "a.pid"));
  if (process.getuid?.() === 0)
    expect(() => file.check(false)).toThrow(/others than root may change what lies in \S+, /);
  else file.check(false);
});

test("a folder that is not there is told", () => {
  expect(() => new PidFile("/no/such/folder/a.pid").check(false)).toThrow(
    /^can't write serve.pid_file \/no\/such\/folder\/a.pid: .*ENOENT.*; set it to a place that can be written$/,
  );
});

test('"" is no file', () => {
  const none = new PidFile("");
  none.check(false);
  none.write();
  none.remove();
});
