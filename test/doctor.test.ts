import { expect, test } from "bun:test";
import type { Diagnosis } from "../shared/doctor/diagnosis.ts";
import { trivetBinary } from "./harness/binary.ts";
import { runTrivet } from "./harness/command.ts";
import { Folder } from "./harness/folder.ts";
import { freePort } from "./harness/free_port.ts";
import { RedisServer } from "./harness/redis_server.ts";
import { Trivet } from "./harness/trivet.ts";

const APP = 'export default { fetch: () => new Response("hello") };\n';

/** An edge on a free port: other programs of this machine may have the usual one. */
async function edge(more = ""): Promise<string> {
  const listen = `[[proxy.listen]]\naddress = "127.0.0.1:${await freePort()}"\n`;
  return `[admin]\ndir = "run"\nhttp = ""\n[proxy]\nworkers = 1\n${more}\n${listen}`;
}

function verdicts(stdout: string): Map<string, string> {
  return new Map((JSON.parse(stdout) as Diagnosis[]).map(({ name, verdict }) => [name, verdict]));
}

test("a machine that is good enough: exit code 0, and every part is named", async () => {
  await using folder = await Folder.make({ "trivet.toml": await edge() });
  const { code, stdout } = await runTrivet(["doctor"], { cwd: folder.path });
  expect(stdout).toMatch(/^ok {6}descriptors: a process may open \d+ descriptors, 1024 are wanted$/m);
  expect(stdout).toMatch(/^ok {6}listen on 127\.0\.0\.1:\d+: is free$/m);
  expect(stdout).toMatch(/\d+ ok, \d+ could be better, 0 would break\n$/);
  expect(code).toBe(0);
});

test("a low limit of descriptors breaks: what it saw, why, what to type, exit code 1", async () => {
  await using folder = await Folder.make({ "trivet.toml": await edge() });
  const limited = ["sh", "-c", 'ulimit -n 100; exec "$0" doctor', trivetBinary()];
  const { exitCode, stdout } = Bun.spawnSync(limited, { cwd: folder.path });
  expect(stdout.toString()).toContain(
    `BROKEN  descriptors: a process may open 100 descriptors, 1024 are wanted
          why   each request in flight takes two descriptors; without them the edge stops accepting and clients wait
          type  ulimit -Hn 1024 as root, or LimitNOFILE=1024 in the systemd unit`,
  );
  expect(exitCode).toBe(1);
});

test("a load that the config names, or the command line, and that does not fit", async () => {
  const servers = '[backend.app]\nservers = ["10.0.0.1:80"]\n';
  await using folder = await Folder.make({
    "small.toml": (await edge()) + servers,
    "large.toml": (await edge("max_connections = 10000000")) + servers,
  });
  const at = { cwd: folder.path };
  const small = await runTrivet(["doctor", "-c", "small.toml", "--json"], at);
  expect(verdicts(small.stdout).get("descriptors")).toBe("ok");
  const large = await runTrivet(["doctor", "-c", "large.toml", "--json"], at);
  expect(verdicts(large.stdout).get("descriptors")).toBe("broken");
  expect(verdicts(large.stdout).get("local ports")).toBe("broken");
  const asked = await runTrivet(["doctor", "-c", "small.toml", "--json", "--connections", "10000000"], at);
  expect(verdicts(asked.stdout).get("local ports")).toBe("broken");
  expect([small.code, large.code, asked.code]).toEqual([0, 1, 1]);
  expect((await runTrivet(["doctor", "--connections", "many"], at)).code).toBe(2);
});

test("a port that another program has", async () => {
  await using folder = await Folder.make();
  using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  await folder.write(
    "trivet.toml",
    `[proxy]\nlisten = [{ address = "127.0.0.1:${taken.port}" }]\n[admin]\ndir = "run"\n`,
  );
  const { code, stdout } = await runTrivet(["doctor"], { cwd: folder.path });
  expect(stdout).toContain(`BROKEN  listen on 127.0.0.1:${taken.port}: 127.0.0.1:${taken.port} is in use`);
  expect(code).toBe(1);
});

test("a Redis that would delete or lose jobs, then one that keeps them", async () => {
  await using redis = await RedisServer.start();
  const config = `[store]\nurl = "${redis.url}"\n[worker]\nhandlers = "jobs.ts"\n[admin]\ndir = "run"\n`;
  await using folder = await Folder.make({ "trivet.toml": config });
  const look = () => runTrivet(["doctor", "--json"], { cwd: folder.path });
  const sound = await look();
  expect([sound.code, verdicts(sound.stdout).get("Redis persistence")]).toEqual([0, "ok"]);
  await redis.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  await redis.cli("CONFIG", "SET", "appendonly", "no");
  const bad = await look();
  expect(verdicts(bad.stdout).get("Redis eviction")).toBe("broken");
  expect(verdicts(bad.stdout).get("Redis persistence")).toBe("broken");
  expect(bad.code).toBe(1);
  await redis.kill();
  const gone = await look();
  expect(gone.stdout).toContain("the connection is refused");
  expect(gone.code).toBe(1);
});

test("--node: what runs here, by its own limits; exit code 1 when nothing does or it is not well", async () => {
  const config = `[serve]\nlisten = "127.0.0.1:0"\nworkers = 1\n`;
  await using site = await Trivet.start({
    mode: "serve",
    config,
    files: { "app.ts": APP },
    descriptors: 900,
  });
  const short = await site.run(["doctor", "--node", "--json"]);
  expect(verdicts(short.stdout).get("serve")).toBe("ok");
  expect(verdicts(short.stdout).get("serve version")).toBe("ok");
  expect(verdicts(short.stdout).get("descriptors")).toBe("broken");
  expect(short.stdout).toContain("may open 900 descriptors");
  await site.stop();
  const gone = await site.run(["doctor", "--node"]);
  expect(gone.stdout).toContain("BROKEN  services: nothing of Trivet runs here");
  expect(gone.code).toBe(1);
});
