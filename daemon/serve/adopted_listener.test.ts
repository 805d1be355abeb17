import { afterEach, expect, test } from "bun:test";
import { openSync, readdirSync } from "node:fs";
import { closeSockets, duplicateSocket, openListenSockets } from "../../shared/process/listen_socket.ts";
import { until } from "../../test/harness/until.ts";
import { type AdoptedListener, adoptListener, NotAdopted } from "./adopted_listener.ts";

const open: { fds: number[]; adopted: AdoptedListener[] } = { fds: [], adopted: [] };

afterEach(async () => {
  for (const { server } of open.adopted.splice(0)) await server.stop(true);
  closeSockets(open.fds.splice(0));
});

function listen(address: string): { fd: number; port: number } {
  const { fds, port } = openListenSockets(address, 1);
  open.fds.push(...fds);
  return { fd: fds[0] ?? -1, port };
}

function adopt(fd: number, answer: string): AdoptedListener {
  const adopted = adoptListener(duplicateSocket(fd), (place) =>
    Bun.serve({
      ...place,
      fetch: (request, server) =>
        server.upgrade(request, { data: undefined })
          ? undefined
          : Response.json({ answer, url: request.url, ip: server.requestIP(request)?.address }),
      websocket: {
        message(socket, text) {
          socket.send(`${text} ${socket.remoteAddress}`);
        },
      },
    }),
  );
  open.adopted.push(adopted);
  return adopted;
}

async function ask(at: string): Promise<unknown> {
  return (await fetch(`http://${at}/`, { keepalive: false })).json();
}

test.each(["127.0.0.1", "[::1]"])(
  "a server of Bun's answers on a socket it inherited at %s",
  async (host) => {
    const { fd, port } = listen(`${host}:0`);
    adopt(fd, "here");
    const at = `${host}:${port}`;
    const ip = host.replace(/[[\]]/g, "");
    expect(await ask(at)).toEqual({ answer: "here", url: `http://${at}/`, ip });
    const socket = new WebSocket(`ws://${at}/`);
    const heard = Promise.withResolvers<unknown>();
    socket.onopen = () => socket.send("from");
    socket.onmessage = ({ data }) => heard.resolve(data);
    expect(await heard.promise).toBe(`from ${ip}`);
    socket.close();
  },
);

test("what waits at a socket that is released goes to whoever takes it next; nothing is lost by a stop", async () => {
  const { fd, port } = listen("127.0.0.1:0");
  const at = `127.0.0.1:${port}`;
  const first = adopt(fd, "first");
  expect(await ask(at)).toMatchObject({ answer: "first" });
  first.release();
  let answered = false;
  const waiting = ask(at).finally(() => {
    answered = true;
  });
  await first.server.stop();
  await Bun.sleep(20);
  expect(answered).toBe(false);
  adopt(fd, "second");
  expect(await waiting).toMatchObject({ answer: "second" });
});

test("two servers may share one socket, as the old and the new child do for a moment", async () => {
  const { fd, port } = listen("127.0.0.1:0");
  const first = adopt(fd, "first");
  adopt(fd, "second");
  const answers = new Set<unknown>();
  await until(async () => {
    const asked = await Promise.all(Array.from({ length: 20 }, () => ask(`127.0.0.1:${port}`)));
    for (const { answer } of asked as { answer: unknown }[]) answers.add(answer);
    return answers.has("second");
  }, "the second answers too");
  await first.server.stop();
  expect(await ask(`127.0.0.1:${port}`)).toMatchObject({ answer: "second" });
});

test("no descriptor stays open behind it", async () => {
  const before = readdirSync("/proc/self/fd").length;
  const { fd } = listen("127.0.0.1:0");
  const { server, release } = adopt(fd, "gone");
  release();
  await server.stop(true);
  closeSockets(open.fds.splice(0));
  // Those of tests before may close meanwhile.
  await until(() => readdirSync("/proc/self/fd").length <= before, "none is left");
});

test("what is no listening socket is refused", () => {
  const fd = openSync("/dev/null", "r");
  open.fds.push(fd);
  let served = false;
  expect(() =>
    adoptListener(fd, () => {
      served = true;
      throw new Error("not reached");
    }),
  ).toThrow(NotAdopted);
  expect(served).toBe(false);
});
