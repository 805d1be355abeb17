import { expect, test } from "bun:test";
import { existsSync, openSync } from "node:fs";
import type { Server } from "bun";
import { openListenSockets } from "../../shared/process/listen_socket.ts";
import { openUnixListener } from "../../shared/process/unix_listener.ts";
import { UserError } from "../../shared/user_error.ts";
import { Folder } from "../../test/harness/folder.ts";
import { freePort } from "../../test/harness/free_port.ts";
import { until } from "../../test/harness/until.ts";
import { openListener, serverWith } from "./listener.ts";

const IDLE_MS = 500;
const options = { fetch: () => new Response("here") };

async function ask(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text();
}

test("where the inherited socket can't be used, one of its own shares the port", async () => {
  const port = await freePort();
  const place = { address: `127.0.0.1:${port}`, hostname: "127.0.0.1", port };
  const first = openListener({ ...place, fd: openSync("/dev/null", "r") }, serverWith(options));
  const second = openListener({ ...place, fd: openSync("/dev/null", "r") }, serverWith(options));
  expect(await ask(port)).toBe("here");
  await first.server.stop(true);
  expect(await ask(port)).toBe("here");
  await second.server.stop(true);
});

test("a released socket leaves what waits to others who hold it; for good, it still accepts", async () => {
  const { fds, port } = openListenSockets("127.0.0.1:0", 1);
  const place = { address: "127.0.0.1:0", hostname: "127.0.0.1", port, fd: fds[0] ?? -1 };
  const { server, release } = openListener(place, serverWith(options));
  release(true);
  expect(await ask(port)).toBe("here");
  release(false);
  const waiting = ask(port).catch(() => "reset");
  expect(await Promise.race([waiting, Bun.sleep(50).then(() => "waits")])).toBe("waits");
  await server.stop(true);
  expect(await waiting).toBe("reset");
});

const atPrivate = (unix: string) =>
  fetch("http://a.test/", { unix, keepalive: false }).then((response) => response.text());

test("a private socket that is released refuses who comes, and answers who is there", async () => {
  await using folder = await Folder.make();
  const unix = `${folder.path}/a.sock`;
  const gate = Promise.withResolvers<void>();
  const { server, release } = openListener(
    { unix, fd: openUnixListener(unix, undefined) },
    serverWith({
      fetch: async (request: Request, asked: Server<unknown>) => {
        if (request.url.endsWith("/wait")) await gate.promise;
        return Response.json(asked.requestIP(request));
      },
    }),
  );
  expect(await atPrivate(unix)).toBe("null");
  const waits = fetch("http://a.test/wait", { unix, keepalive: false });
  await until(() => server.pendingRequests === 1, "it has been accepted");
  // It is in the kernel's queue by now, and nobody has had a turn to accept it.
  const said = Promise.withResolvers<string>();
  const connecting = Bun.connect({
    unix,
    socket: { data: (_, bytes) => said.resolve(bytes.toString()), close: () => said.resolve("closed") },
  });
  release(false);
  const late = await connecting;
  late.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  expect(await said.promise).toStartWith("HTTP/1.1 200");
  late.end();
  expect(await atPrivate(unix).catch(() => "refused")).toBe("refused");
  const before = process.cpuUsage();
  await Bun.sleep(IDLE_MS);
  const { user, system } = process.cpuUsage(before);
  // A socket that is shut is readable for ever: it must not be looked at any more.
  expect((user + system) / 1000).toBeLessThan(IDLE_MS / 5);
  gate.resolve();
  expect((await waits).status).toBe(200);
  await server.stop(true);
});

test("a private socket that can't be adopted is made once more; where it can't be, that is said", async () => {
  await using folder = await Folder.make();
  const unix = `${folder.path}/a.sock`;
  const { server, release } = openListener({ unix, fd: openSync("/dev/null", "r") }, serverWith(options));
  expect(await atPrivate(unix)).toBe("here");
  release(false);
  expect(existsSync(unix)).toBe(false);
  await server.stop(true);
  const none = `${folder.path}/none/a.sock`;
  expect(() => openListener({ unix: none, fd: openSync("/dev/null", "r") }, serverWith(options))).toThrow(
    UserError,
  );
  expect(() => openUnixListener(none, undefined)).toThrow(UserError);
});
