import { expect, test } from "bun:test";
import { Load } from "../harness/load.ts";
import { Origin } from "../harness/origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

interface Listed {
  name: string;
  servers: { address: string; state: string; weight: number }[];
}

async function two() {
  const [a, b] = [Origin.start("a"), Origin.start("b")];
  const edge = await EdgeSite.start({
    servers: [a.address, b.address],
    proxy: 'workers = 2\naccess_log = "off"',
  });
  const order = (...words: string[]) => edge.trivet.run(["backend", ...words]);
  /** Hits of each among 200 requests. */
  const hits = async () => {
    const before = [a.hits, b.hits];
    const result = await Load.start({ port: edge.port, requests: 200, fresh: 8 }).done();
    expect(result).toMatchObject({ ok: 200, failed: 0 });
    return [a.hits - (before[0] ?? 0), b.hits - (before[1] ?? 0)];
  };
  const stop = async () => {
    await edge[Symbol.asyncDispose]();
    await a.stop();
    await b.stop();
  };
  return { a, b, edge, order, hits, [Symbol.asyncDispose]: stop };
}

test.each([
  ["drain", "draining"],
  ["maint", "maint"],
])(
  "%s: nothing new at once, in every process, over a reload and the death of children; ready ends it",
  async (verb, state) => {
    await using site = await two();
    const { a, edge, order, hits } = site;
    expect((await order(verb, "a", a.address)).code).toBe(0);
    expect(await hits()).toEqual([0, 200]);
    expect(await edge.stateOf(a.address)).toBe(state);
    expect((await edge.trivet.run(["status"])).stdout).toContain(state);

    expect((await edge.trivet.run(["reload"])).code).toBe(0);
    expect(await hits()).toEqual([0, 200]);

    const before = await edge.dataPlane();
    for (const pid of before) process.kill(pid, "SIGKILL");
    await until(async () => {
      const now = await edge.dataPlane();
      return now.length === 2 && now.every((pid) => !before.includes(pid));
    }, "two new children");
    expect(await hits()).toEqual([0, 200]);
    expect(await edge.stateOf(a.address)).toBe(state);

    expect((await order("ready", "a", a.address)).code).toBe(0);
    expect((await hits())[0]).toBeGreaterThan(80);
  },
);

test("a weight holds over a reload, and shows in ls", async () => {
  await using site = await two();
  const { a, edge, order, hits } = site;
  const told = await order("weight", "a", a.address, "3", "--json");
  expect(JSON.parse(told.stdout)).toMatchObject({ address: a.address, weight: 3, state: "up" });
  expect((await edge.trivet.run(["reload"])).code).toBe(0);
  expect(Math.abs(((await hits())[0] ?? 0) - 150)).toBeLessThanOrEqual(4);
  const listed = JSON.parse((await order("ls", "--json")).stdout) as Listed[];
  expect(listed.find(({ name }) => name === "a")?.servers).toMatchObject([{ weight: 3 }, { weight: 1 }]);
  expect((await order("ls")).stdout).toMatch(new RegExp(`a +${a.address} +up .* 3 `));
});

test("what is no backend, server, weight or order is said in a sentence", async () => {
  await using site = await two();
  const { a, order } = site;
  for (const [words, code, sentence] of [
    [["drain", "b", a.address], 1, "there is no backend b: did you mean a?"],
    [["drain", "a", "10.9.9.9:1"], 1, "there is no server in a named 10.9.9.9:1"],
    [["drain", "serve:", "x"], 1, "the app's children"],
    [["drain", "a"], 2, "trivet backend drain NAME SERVER"],
    [["weight", "a", a.address, "0"], 2, "a whole number from 1 to 256"],
    [["stop", "a", a.address], 2, 'has no "stop"'],
  ] as const) {
    const said = await order(...words);
    expect({ code: said.code, stderr: said.stderr }).toEqual({
      code,
      stderr: expect.stringContaining(sentence) as string,
    });
  }
  const metrics = await (await site.edge.trivet.admin("/metrics")).text();
  expect(metrics).toContain(`trivet_proxy_server_up{backend="a",server="${a.address}"} 1`);
});

test("what a draining server has in hand is finished", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using slow = Origin.start("slow", async () => {
    await promise;
    return new Response("whole");
  });
  await using edge = await EdgeSite.start({ servers: [slow.address] });
  const answer = edge.get();
  await until(() => slow.hits === 1, "it is asked");
  expect((await edge.trivet.run(["backend", "drain", "a", slow.address])).code).toBe(0);
  expect((await edge.get()).status).toBe(503);
  resolve();
  expect((await answer).body.toString()).toBe("whole");
});

test("drain --wait ends when the server has nothing in hand, and says when nobody else is left", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using slow = Origin.start("slow", async () => {
    await promise;
    return new Response("whole");
  });
  await using other = Origin.start("other");
  await using edge = await EdgeSite.start({ servers: [slow.address, other.address] });
  const order = (...words: string[]) => edge.trivet.run(["backend", ...words]);
  // Round robin: one of two is slow's.
  const answers = Promise.all([edge.get(), edge.get()]);
  await until(() => slow.hits === 1, "it is asked");
  let over = false;
  const drained = order("drain", "a", slow.address, "--wait").finally(() => {
    over = true;
  });
  await until(async () => (await edge.stateOf(slow.address)) === "draining", "it is draining");
  const last = await order("maint", "a", other.address);
  expect(last).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("no server of a takes requests now"),
  });
  expect(over).toBe(false);
  resolve();
  expect(await drained).toMatchObject({ code: 0, stderr: "" });
  expect((await answers).map(({ status }) => status)).toEqual([200, 200]);
});

test("drain --wait ends with a sentence when the server is made ready meanwhile", async () => {
  await using slow = Origin.start("slow", () => new Promise<Response>(() => undefined));
  await using edge = await EdgeSite.start({ servers: [slow.address] });
  using connection = await edge.open();
  connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await until(() => slow.hits === 1, "it is asked");
  const drained = edge.trivet.run(["backend", "drain", "a", slow.address, "--wait"]);
  await until(async () => (await edge.stateOf(slow.address)) === "draining", "it is draining");
  expect((await edge.trivet.run(["backend", "ready", "a", slow.address])).code).toBe(0);
  expect(await drained).toMatchObject({ code: 1, stderr: expect.stringContaining("made ready meanwhile") });
  const wrong = await edge.trivet.run(["backend", "ready", "a", slow.address, "--wait"]);
  expect(wrong).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--wait goes with drain and maint"),
  });
});
