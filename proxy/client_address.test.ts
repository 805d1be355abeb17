import { afterEach, expect, test } from "bun:test";
import type { Socket, TCPSocketListener } from "bun";
import { ClientAddress } from "./client_address.ts";

const opened: { stop?: () => void; end?: () => void }[] = [];
afterEach(() => {
  for (const it of opened.splice(0)) it.stop ? it.stop() : it.end?.();
});

/** A real connection: the accepted socket, and the port of the client. */
async function connection(
  listen: string,
  connect: string,
): Promise<{ socket: Socket<unknown>; port: number }> {
  const { promise, resolve } = Promise.withResolvers<Socket<unknown>>();
  const listener: TCPSocketListener = Bun.listen({
    hostname: listen,
    port: 0,
    socket: { open: resolve, data: () => undefined },
  });
  const client = await Bun.connect({
    hostname: connect,
    port: listener.port,
    socket: { data: () => undefined },
  });
  opened.push(client, listener);
  return { socket: await promise, port: client.localPort };
}

test.each([
  ["0.0.0.0", "127.0.0.1", "127.0.0.1"],
  ["127.0.0.1", "127.0.0.1", "127.0.0.1"],
  ["::", "::1", "::1"],
  ["::", "127.0.0.1", "127.0.0.1"],
])("on %s, of %s", async (listen, connect, text) => {
  const { socket, port } = await connection(listen, connect);
  const address = new ClientAddress();
  address.read(socket);
  expect({ text: address.text, port: address.port }).toEqual({ text, port });
});

test("an address keeps its key, also when it comes through IPv6", async () => {
  const [first, second] = [new ClientAddress(), new ClientAddress()];
  first.read((await connection("0.0.0.0", "127.0.0.1")).socket);
  second.read((await connection("::", "127.0.0.1")).socket);
  expect(first.key).toBe(0x7f000001);
  expect(second.key).toBe(first.key);
});

test("a connection that is closed has no address", async () => {
  const { socket } = await connection("::", "::1");
  const address = new ClientAddress();
  address.read(socket);
  socket.terminate();
  address.read(socket);
  expect({ key: address.key, text: address.text, port: address.port }).toEqual({
    key: "",
    text: "",
    port: 0,
  });
});
