import { expect, test } from "bun:test";
import { existsSync, openSync } from "node:fs";
import { openListenSockets } from "../../shared/process/listen_socket.ts";
import { UserError } from "../../shared/user_error.ts";
import { Folder } from "../../test/harness/folder.ts";
import { freePort } from "../../test/harness/free_port.ts";
import { openListener } from "./listener.ts";

const options = { fetch: () => new Response("here") };

async function ask(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text();
}

test("where the inherited socket can't be used, one of its own shares the port", async () => {
  const port = await freePort();
  const place = { address: `127.0.0.1:${port}`, hostname: "127.0.0.1", port };
  const first = openListener({ ...place, fd: openSync("/dev/null", "r") }, options);
  const second = openListener({ ...place, fd: openSync("/dev/null", "r") }, options);
  expect(await ask(port)).toBe("here");
  await first.server.stop(true);
  expect(await ask(port)).toBe("here");
  await second.server.stop(true);
});

test("a released socket leaves what waits to others who hold it; for good, it still accepts", async () => {
  const { fds, port } = openListenSockets("127.0.0.1:0", 1);
  const place = { address: "127.0.0.1:0", hostname: "127.0.0.1", port, fd: fds[0] ?? -1 };
  const { server, release } = openListener(place, options);
  release(true);
  expect(await ask(port)).toBe("here");
  release(false);
  const waiting = ask(port).catch(() => "reset");
  expect(await Promise.race([waiting, Bun.sleep(50).then(() => "waits")])).toBe("waits");
  await server.stop(true);
  expect(await waiting).toBe("reset");
});

test("a private socket loses its name, and is refused where it can't be made", async () => {
  await using folder = await Folder.make();
  const unix = `${folder.path}/a.sock`;
  const { server, release } = openListener({ unix }, options);
  expect(await (await fetch("http://a.test/", { unix, keepalive: false })).text()).toBe("here");
  release(false);
  expect(existsSync(unix)).toBe(false);
  await server.stop(true);
  expect(() => openListener({ unix: `${folder.path}/none/a.sock` }, options)).toThrow(UserError);
});
