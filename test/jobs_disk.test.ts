/** An embedded store whose disk is full, read-only or emptied by somebody: it is told of, and nothing is acknowledged in vain. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { runTrivet } from "./harness/command.ts";
import { Folder } from "./harness/folder.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";
import { SmallDisk } from "./jobs/small_disk.ts";

const APP = `
import { jobs } from "trivet";
export default {
  async fetch(request) {
    try {
      return new Response(await jobs.enqueue("later", { text: "x".repeat(20_000) }, { delay: "1h" }));
    } catch (error) {
      return new Response(error.message, { status: 500 });
    }
  },
};
`;

const serve = (path: string) =>
  Trivet.start({
    mode: "serve",
    config: `[store]\nurl = "sqlite:${path}"\n[serve]\nlisten = "127.0.0.1:0"\nworkers = 1\n`,
    files: { "app.ts": APP },
  });

interface ServeStatus {
  modes: { serve: { listen: string[] } };
}

async function enqueue(site: Trivet): Promise<string> {
  const { modes } = (await (await site.admin("/status")).json()) as ServeStatus;
  const response = await fetch(`http://${modes.serve.listen[0]}/`, { method: "POST" });
  const text = await response.text();
  return response.status === 200 ? "stored" : text;
}

async function health(site: Trivet): Promise<string> {
  return (await site.admin("/health")).text();
}

const jobsIn = async (site: Trivet): Promise<number> => {
  const { stdout } = await site.run(["jobs", "ls", "--json", "--state", "delayed", "-c", "trivet.toml"]);
  return (JSON.parse(stdout) as unknown[]).length;
};

test("a full disk: enqueues fail with a sentence, health, status and log say so until there is room", async () => {
  await using disk = await SmallDisk.mount(4 * 1024 ** 2);
  await using site = await serve(join(disk.path, "trivet.db"));
  expect(await enqueue(site)).toBe("stored");
  await disk.fill();
  let stored = 1;
  // What the log has room for is still written.
  const refusal = await until(async () => {
    const answer = await enqueue(site);
    if (answer !== "stored") return answer;
    stored++;
    return undefined;
  }, "an enqueue is refused");
  const sentence = `the disk of ${disk.path}/trivet.db is full: free some space`;
  expect(refusal).toContain(sentence);
  await until(async () => (await health(site)).includes(sentence), "health says it");
  expect((await site.run(["status"])).stdout).toContain(sentence);
  await until(() => site.stderr.includes(sentence), "the log says it");
  await disk.makeRoom();
  // Nobody needs to enqueue for that.
  await until(async () => (await health(site)) === "OK\n", "health says that it is over");
  await until(() => site.stderr.includes("jobs are stored again"), "the log, too");
  expect(await enqueue(site)).toBe("stored");
  expect(await jobsIn(site)).toBe(stored + 1);
}, 240_000);

test("a file that is removed while the app runs: told, and nothing is acknowledged until a copy is put there", async () => {
  await using folder = await Folder.make();
  const path = join(folder.path, "trivet.db");
  await using site = await serve(path);
  expect(await enqueue(site)).toBe("stored");
  expect((statSync(path).mode & 0o777).toString(8)).toBe("600");
  const backup = join(folder.path, "backup");
  const db = new Database(path, { readonly: true });
  db.run("VACUUM INTO ?", [backup]);
  db.close();
  for (const end of ["", "-wal", "-shm"]) rmSync(path + end, { force: true });
  expect(await enqueue(site)).toStartWith(
    `${path} was removed while it was open, and nothing more is stored`,
  );
  await until(async () => (await health(site)).includes("was removed while it was open"), "health says it");
  await until(() => site.stderr.includes("was removed while it was open"), "the log says it");
  // A command would make an empty one, and that would be used from then on.
  const told = await site.run(["jobs", "enqueue", "j", "{}"]);
  expect(told).toMatchObject({ code: 1, stderr: expect.stringContaining("was removed while it was open") });
  expect(existsSync(path)).toBe(false);
  renameSync(backup, path);
  await until(async () => (await enqueue(site)) === "stored", "the copy is used");
  await until(async () => (await health(site)) === "OK\n", "health says that it is over");
  expect(await jobsIn(site)).toBe(2);
}, 240_000);

test("a folder that can't be written is refused at the start", async () => {
  await using disk = await SmallDisk.mount(1024 ** 2);
  await disk.becomeReadOnly();
  await using folder = await Folder.make({
    "app.ts": APP,
    "trivet.toml": `[store]\nurl = "sqlite:${disk.path}/trivet.db"\n[admin]\ndir = "run"\nhttp = ""\n`,
  });
  const { code, stderr } = await runTrivet(["serve"], { cwd: folder.path });
  expect([code, stderr]).toEqual([
    1,
    `can't use the store ${disk.path}/trivet.db: ${disk.path} can't be written; set store.url to another place\n`,
  ]);
}, 120_000);
