import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addBrokenRow } from "../../../test/harness/broken_row.ts";
import { conformance } from "../../../test/job_store/conformance.ts";
import type { StoreUnderTest } from "../../../test/job_store/store_under_test.ts";
import { StoreServer } from "../store_server.ts";
import { newJob } from "./new_job.ts";
import { SocketJobStore } from "./socket.ts";
import { SqliteJobStore } from "./sqlite.ts";

describe("SQLite behind the store process's socket", () => {
  const dir = mkdtempSync(join(tmpdir(), "tv-"));
  const path = join(dir, "trivet.db");
  const socket = join(dir, "store.sock");
  let setByMs = 0;
  const server = new StoreServer(new SqliteJobStore(path, () => Date.now() + setByMs));
  const store: StoreUnderTest = {
    start: async () => server.listen(socket),
    stop: async () => {
      await server.close();
      rmSync(dir, { recursive: true });
    },
    open: () => new SocketJobStore(socket),
    addBroken: async (queue) => addBrokenRow(path, queue),
    setClock: async (_queue, byMs) => {
      setByMs += byMs;
    },
    nowMs: () => Date.now() + setByMs,
  };
  conformance(store);
});

describe("a store process that ends and comes back", () => {
  test("loses nothing that was asked meanwhile, and claims what was on its way", async () => {
    const dir = mkdtempSync(join(tmpdir(), "tv-"));
    const socket = join(dir, "store.sock");
    const start = () => {
      const server = new StoreServer(new SqliteJobStore(join(dir, "trivet.db")));
      server.listen(socket);
      return server;
    };
    const client = new SocketJobStore(socket);
    const claim = () => client.claim("default", "me", 10, 0, new AbortController().signal);

    // Asked before there is a server.
    const early = client.enqueue([newJob("x", 1)]);
    let server = start();
    await early;
    await server.close();

    const meanwhile = client.enqueue([newJob("x", 2)]);
    server = start();
    await meanwhile;

    // Leased to us without our knowing: the answer of that claim was lost with its connection.
    const lost = client.claim("default", "me", 1, 60_000, new AbortController().signal);
    const { jobs } = await lost;
    await client.settle("me", [{ queue: "default", fence: jobs[0]?.fence ?? "", outcome: { kind: "ack" } }]);
    const waiting = client.claim("other", "me", 1, 60_000, new AbortController().signal);
    await Bun.sleep(20);
    await server.close();
    await expect(waiting).rejects.toThrow("connection to the store process was lost");
    const behind = new SqliteJobStore(join(dir, "trivet.db"));
    await behind.enqueue([newJob("x", 3, { queue: "other" })]);
    expect((await behind.claim("other", "me", 1, 0, new AbortController().signal)).jobs).toHaveLength(1);
    await behind.close();
    server = start();
    const found = await client.claim("other", "me", 1, 0, new AbortController().signal);
    expect(found.jobs.map(({ payload }) => payload)).toEqual(["3"]);
    expect((await claim()).jobs.map(({ payload }) => payload)).toEqual(["2"]);
    expect((await claim()).jobs).toEqual([]);

    await client.close();
    await expect(client.enqueue([newJob("x", 4)])).rejects.toThrow("the store is closed");
    await server.close();
    rmSync(dir, { recursive: true });
  });
});

test("a connection over which nothing comes back any more is replaced", async () => {
  const dir = mkdtempSync(join(tmpdir(), "tv-"));
  const socket = join(dir, "store.sock");
  // It takes everything and answers nothing, as a store does that waits for the end of a frame.
  const asked = Promise.withResolvers<void>();
  const deaf = Bun.listen({ unix: socket, socket: { data: () => asked.resolve() } });
  const client = new SocketJobStore(socket);
  const unheard = client.enqueue([newJob("x", 1)]);
  await asked.promise;
  // The connection of before stays open, whoever has the name now.
  rmSync(socket, { force: true });
  const server = new StoreServer(new SqliteJobStore(join(dir, "trivet.db")));
  server.listen(socket);
  await expect(unheard).rejects.toThrow("does not answer");
  expect(await client.enqueue([newJob("x", 2)])).toHaveLength(1);
  await client.close();
  await server.close();
  deaf.stop(true);
  rmSync(dir, { recursive: true });
}, 60_000);
