import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { Folder } from "../../../test/harness/folder.ts";
import { newJob } from "./new_job.ts";
import { SqliteJobStore } from "./sqlite.ts";

const put = (store: SqliteJobStore, payload: unknown) =>
  store.enqueue([newJob("x", payload)]).then(
    () => "stored",
    (error: Error) => error.message,
  );

async function waitingIn(path: string): Promise<number | undefined> {
  const store = new SqliteJobStore(path);
  const [counts] = await store.counts(["default"]);
  await store.close();
  return counts?.waiting;
}

describe("who may read the files of a store", () => {
  const modesIn = (folder: string) =>
    readdirSync(folder)
      .filter((name) => name.startsWith("trivet.db"))
      .toSorted()
      .map((name) => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)]);
  const all = (mode: string) => ["trivet.db", "trivet.db-shm", "trivet.db-wal"].map((name) => [name, mode]);

  test("a new one is its owner's alone, whatever the umask; in a folder made for a group, the group's", async () => {
    await using folder = await Folder.make();
    const before = process.umask(0);
    const shared = join(folder.path, "shared");
    mkdirSync(shared);
    chmodSync(shared, 0o2770);
    const stores = [folder.path, shared].map((place) => new SqliteJobStore(join(place, "trivet.db")));
    for (const store of stores) expect(await put(store, 1)).toBe("stored");
    process.umask(before);
    expect(modesIn(folder.path)).toEqual(all("600"));
    expect(modesIn(shared)).toEqual(all("660"));
    for (const store of stores) await store.close();
  });

  test.each([
    [0o644, "600"],
    [0o666, "660"],
    [0o660, "660"],
    [0o400, "400"],
  ])("one that is there with %o becomes %s", async (mode, wanted) => {
    await using folder = await Folder.make();
    const path = join(folder.path, "trivet.db");
    const first = new SqliteJobStore(path);
    expect(await put(first, 1)).toBe("stored");
    await first.close();
    chmodSync(path, mode);
    const store = new SqliteJobStore(path);
    // The tests may run as root, who may write all.
    await store.counts(["default"]);
    expect(modesIn(folder.path)[0]).toEqual(["trivet.db", wanted]);
    await store.close();
  });
});

describe("a file that changes under an open store", () => {
  test("removed: nothing is acknowledged until it is put back", async () => {
    await using folder = await Folder.make();
    const [path, elsewhere] = [join(folder.path, "trivet.db"), join(folder.path, "elsewhere")];
    const store = new SqliteJobStore(path);
    expect(await put(store, 1)).toBe("stored");
    expect(await store.trouble()).toBeUndefined();
    renameSync(path, elsewhere);
    expect(await put(store, 2)).toStartWith(
      `${path} was removed while it was open, and nothing more is stored`,
    );
    expect(await store.trouble()).toStartWith(`${path} was removed while it was open`);
    await expect(store.counts(["default"])).rejects.toThrow("was removed while it was open");
    expect(existsSync(path)).toBe(false);
    renameSync(elsewhere, path);
    expect(await put(store, 3)).toBe("stored");
    expect((await store.counts(["default"]))[0]?.waiting).toBe(2);
    await store.close();
    expect(await waitingIn(path)).toBe(2);
  });

  test("replaced by a copy: that one is used, nothing of the old log gets into it", async () => {
    await using folder = await Folder.make();
    const [path, backup] = [join(folder.path, "trivet.db"), join(folder.path, "backup")];
    const first = new SqliteJobStore(path);
    expect(await put(first, 1)).toBe("stored");
    await first.close();
    copyFileSync(path, backup);
    const store = new SqliteJobStore(path);
    for (const n of [2, 3]) expect(await put(store, n)).toBe("stored");
    // A copy that is still being made is none yet.
    renameSync(backup, path);
    utimesSync(path, new Date(), new Date());
    expect(await put(store, 4)).toContain("was removed while it was open");
    utimesSync(path, new Date(0), new Date(0));
    expect(await put(store, 5)).toBe("stored");
    expect((await store.counts(["default"]))[0]?.waiting).toBe(2);
    await store.close();
    expect(await waitingIn(path)).toBe(2);
  });

  test("its log removed: what was in it is in the file", async () => {
    await using folder = await Folder.make();
    const path = join(folder.path, "trivet.db");
    const store = new SqliteJobStore(path);
    expect(await put(store, 1)).toBe("stored");
    rmSync(`${path}-wal`);
    rmSync(`${path}-shm`);
    expect(await put(store, 2)).toBe("stored");
    // As another process sees it, before this one has closed it.
    expect(await waitingIn(path)).toBe(2);
    await store.close();
    expect(await waitingIn(path)).toBe(2);
  });
});
