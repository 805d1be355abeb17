/** Servers that the config names by a DNS name. Where names lead is /etc/hosts here, as for getaddrinfo(3). */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Origin } from "../harness/origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

/** Names that no resolver knows (RFC 6761 §6.4). */
const NAME = "app.invalid";
const QUICK = 'resolve = "50ms"\nretries = 0';

async function answerer(edge: EdgeSite): Promise<string> {
  const { status, body } = await edge.get();
  return status === 200 ? body.toString() : String(status);
}

test("a server's name leads elsewhere: requests follow it, and kept connections don't stay behind", async () => {
  await using a = Origin.start("a");
  await using b = Origin.start("b", undefined, a.port, "127.0.0.2");
  await using edge = await EdgeSite.start({
    servers: [`${NAME}:${a.port}`],
    backend: QUICK,
    hosts: `127.0.0.1 ${NAME}\n`,
  });
  expect(await answerer(edge)).toBe("a");
  edge.writeHosts(`127.0.0.2 ${NAME}\n`);
  await until(async () => (await answerer(edge)) === "b", "requests go to the new address");
  const hits = b.hits;
  expect(await answerer(edge)).toBe("b");
  expect(b.hits).toBe(hits + 1);
});

test("a name that is not found is told by name, and served when it is", async () => {
  await using origin = Origin.start("a");
  const address = `${NAME}:${origin.port}`;
  await using edge = await EdgeSite.start({ servers: [address], backend: QUICK, hosts: "" });
  expect((await edge.get()).status).toBe(503);
  expect(await edge.stateOf(address)).toBe("down");
  const listed = (await edge.trivet.run(["backend", "ls"])).stdout;
  expect(listed).toContain(`the name ${NAME} can't be resolved`);
  expect(edge.trivet.stderr + edge.trivet.stdout).toContain("the name of a server can't be resolved");
  const dead = "no server of a takes requests: its clients get 503";
  expect((await edge.trivet.run(["status"])).stdout).toContain(dead);
  edge.writeHosts(`127.0.0.1 ${NAME}\n`);
  await until(async () => (await answerer(edge)) === "a", "it is served");
  expect((await edge.trivet.run(["status"])).stdout).not.toContain(dead);
});

test("a name that is no longer found leads where it did", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({
    servers: [`${NAME}:${origin.port}`],
    backend: QUICK,
    hosts: `127.0.0.1 ${NAME}\n`,
  });
  edge.writeHosts("");
  await until(() => edge.trivet.stderr.includes("as before"), "the log tells of it");
  expect(await answerer(edge)).toBe("a");
});

test("of several addresses the one that answers is used, by requests and by checks", async () => {
  await using origin = Origin.start("a", undefined, 0, "127.0.0.3");
  const address = `${NAME}:${origin.port}`;
  await using edge = await EdgeSite.start({
    servers: [address],
    backend: 'retries = 3\nhealth = { path = "/", interval = "50ms", fall = 1 }',
    hosts: `127.0.0.1 ${NAME}\n127.0.0.2 ${NAME}\n127.0.0.3 ${NAME}\n`,
  });
  await until(async () => (await answerer(edge)) === "a", "it is found");
  expect(await answerer(edge)).toBe("a");
  const [backend] = (await edge.status()).modes.proxy.backends;
  expect(backend?.servers[0]).toMatchObject({ state: "up", last: { said: "200" } });
});

test("a reload brings a name into use at once", async () => {
  await using a = Origin.start("a");
  await using b = Origin.start("b");
  await using edge = await EdgeSite.start({
    servers: [`127.0.0.1:${a.port}`],
    backend: "retries = 0",
    hosts: `127.0.0.1 ${NAME}\n`,
  });
  const config = await Bun.file(join(edge.trivet.folder.path, "trivet.toml")).text();
  await edge.trivet.folder.write(
    "trivet.toml",
    config.replace(`127.0.0.1:${a.port}"]`, `${NAME}:${b.port}"]`),
  );
  expect((await edge.trivet.run(["reload"])).code).toBe(0);
  expect(await answerer(edge)).toBe("b");
});
