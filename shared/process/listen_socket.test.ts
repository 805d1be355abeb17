import { afterEach, expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { UserError } from "../user_error.ts";
import { closeSockets, openListenSockets, parseAddress } from "./listen_socket.ts";

const open: number[] = [];
const listeners: Bun.TCPSocketListener[] = [];

afterEach(() => {
  for (const listener of listeners.splice(0)) listener.stop(true);
  closeSockets(open.splice(0));
});

function listen(address: string, count: number): { fds: number[]; port: number } {
  const made = openListenSockets(address, count);
  open.push(...made.fds);
  return made;
}

function refusal(address: string): string {
  try {
    listen(address, 1);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return String(error);
  }
  throw new Error(`${address} was not refused`);
}

/** Who answers at an address: the slots, for so many connections. */
async function askers(
  hostname: string,
  port: number,
  fds: readonly number[],
  connections: number,
): Promise<Set<number>> {
  const heard = new Set<number>();
  fds.forEach((fd, slot) => {
    const socket = { open: (client: Bun.Socket) => void client.end(String(slot)), data: () => undefined };
    // Bun.listen takes a descriptor, which its types don't know.
    listeners.push(Bun.listen({ fd, socket } as unknown as Bun.TCPSocketListenOptions));
  });
  for (let i = 0; i < connections; i++) {
    const slot = Promise.withResolvers<number>();
    const socket = { data: (_: Bun.Socket, bytes: Buffer) => slot.resolve(Number(bytes.toString())) };
    await Bun.connect({ hostname, port, socket });
    heard.add(await slot.promise);
  }
  return heard;
}

test.each([
  ["127.0.0.1:80", { host: "127.0.0.1", port: 80 }],
  [":0", { host: "0.0.0.0", port: 0 }],
  ["localhost:65535", { host: "localhost", port: 65_535 }],
  ["[::1]:443", { host: "::1", port: 443 }],
  ["[::ffff:127.0.0.1]:1", { host: "::ffff:127.0.0.1", port: 1 }],
])("%s is %j", (text, address) => {
  expect(parseAddress(text)).toEqual(address);
});

test.each(["", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "[::1]", "a:b", "[g]:1"])(
  "%p is no address",
  (text) => {
    expect(() => parseAddress(text)).toThrow(RangeError);
  },
);

test("one socket a slot, all on the port that was asked for, every one gets connections", async () => {
  const { fds, port } = listen("127.0.0.1:0", 3);
  expect(new Set(fds).size).toBe(3);
  expect(port).toBeGreaterThan(0);
  expect(await askers("127.0.0.1", port, fds, 60)).toEqual(new Set([0, 1, 2]));
});

test.each(["[::1]:0", "[0:0:0:0:0:0:0:1]:0"])("%s listens on IPv6", async (address) => {
  const { fds, port } = listen(address, 1);
  expect(await askers("::1", port, fds, 1)).toEqual(new Set([0]));
});

test.each(["[::]:0", "[::ffff:127.0.0.1]:0"])("%s hears IPv4 too", async (address) => {
  const { fds, port } = listen(address, 1);
  expect(await askers("127.0.0.1", port, fds, 1)).toEqual(new Set([0]));
});

test("a connection that comes before its child waits for it", async () => {
  const { fds, port } = listen("127.0.0.1:0", 1);
  const answer = Promise.withResolvers<string>();
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data: (_, bytes) => answer.resolve(bytes.toString()) },
  });
  const socket = { open: (client: Bun.Socket) => void client.end("late"), data: () => undefined };
  listeners.push(Bun.listen({ fd: fds[0], socket } as unknown as Bun.TCPSocketListenOptions));
  expect(await answer.promise).toBe("late");
});

test("a port in use is refused, by another program's socket and by our own shared ones", () => {
  const other = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  listeners.push(other);
  expect(refusal(`127.0.0.1:${other.port}`)).toContain("in use by another program");
  const { port } = listen("127.0.0.1:0", 2);
  expect(refusal(`127.0.0.1:${port}`)).toContain("in use by another program");
});

test("an address that this machine does not have is refused", () => {
  expect(refusal("192.0.2.1:0")).toContain("no such address");
  expect(refusal("[2001:db8::1]:0")).toContain("no such address");
  expect(refusal("example.com:80")).toContain("write an IP address");
});

test("no descriptor stays open after a refusal or a close", () => {
  const { port, fds } = listen("127.0.0.1:0", 2);
  const before = socketCount();
  refusal(`127.0.0.1:${port}`);
  expect(socketCount()).toBe(before);
  closeSockets(fds);
  open.length = 0;
  expect(socketCount()).toBe(before - 2);
});

function socketCount(): number {
  let sockets = 0;
  for (let fd = 0; fd < 256; fd++) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:")) sockets++;
    } catch (error) {
      // Not open.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return sockets;
}
