import { expect, test } from "bun:test";
import { openFdChannel, receiveFds, sendFds } from "./fd_channel.ts";
import { closeSockets, openListenSockets } from "./listen_socket.ts";

test("descriptors arrive in order, as sockets that can be listened on", async () => {
  const { ours, theirs } = openFdChannel();
  const { fds, port } = openListenSockets("127.0.0.1:0", 3);
  sendFds(ours, fds);
  const received = receiveFds(theirs, 3);
  expect(received.filter((fd) => fds.includes(fd))).toEqual([]);
  closeSockets(fds);
  const greeted = Promise.withResolvers<string>();
  for (const fd of received) {
    // `fd` is not in Bun's types.
    Bun.listen({
      fd,
      socket: { open: (s: Bun.Socket) => void s.end("hello"), data: () => undefined },
    } as never);
  }
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data: (_, chunk) => greeted.resolve(chunk.toString()) },
  });
  expect(await greeted.promise).toBe("hello");
  closeSockets([ours, theirs]);
});

test("more than one message holds arrive too", () => {
  const { ours, theirs } = openFdChannel();
  sendFds(ours, new Array<number>(300).fill(ours));
  const received = receiveFds(theirs, 300);
  expect(new Set(received).size).toBe(300);
  closeSockets([...received, ours, theirs]);
});

test("asking for more than was sent throws", () => {
  const { ours, theirs } = openFdChannel();
  expect(() => receiveFds(theirs, 1)).toThrow("did not arrive");
  closeSockets([ours, theirs]);
});
