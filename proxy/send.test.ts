import { expect, test } from "bun:test";
import { flush, type Sender, send } from "./send.ts";

/** A socket that takes at most so many bytes until it is drained. */
function sender(room: number) {
  const got: string[] = [];
  const state = { room };
  const socket = {
    write(bytes: Uint8Array, from: number, length: number): number {
      const taken = Math.min(state.room, length);
      state.room -= taken;
      got.push(Buffer.from(bytes.subarray(from, from + taken)).toString("latin1"));
      return taken;
    },
  };
  return { to: { socket, unsent: null } as unknown as Sender, state, text: () => got.join("") };
}

const BYTES = Buffer.from("0123456789");

test("what fits goes at once", () => {
  const { to, text } = sender(100);
  expect(send(to, BYTES, 2, 5, false)).toBe(true);
  expect([text(), to.unsent]).toEqual(["234", null]);
});

test("what does not fit waits, in order, until it is flushed", () => {
  const { to, state, text } = sender(2);
  expect(send(to, BYTES, 0, 5, false)).toBe(false);
  expect(send(to, BYTES, 5, 8, false)).toBe(false);
  expect(text()).toBe("01");
  state.room = 3;
  expect(flush(to)).toBe(false);
  state.room = 100;
  expect(flush(to)).toBe(true);
  expect([text(), to.unsent]).toEqual(["01234567", null]);
  expect(flush(to)).toBe(true);
});

test("borrowed bytes may be written over while the rest waits", () => {
  const { to, state, text } = sender(1);
  const scratch = Buffer.from("abcdef");
  send(to, scratch, 0, 3, true);
  scratch.fill("x");
  state.room = 100;
  flush(to);
  expect(text()).toBe("abc");
});

test("nothing to send is nothing waiting", () => {
  const { to } = sender(0);
  expect(send(to, BYTES, 3, 3, false)).toBe(true);
  send(to, BYTES, 0, 1, false);
  expect(send(to, BYTES, 3, 3, false)).toBe(false);
});

test("a socket that is gone takes nothing and throws nothing", () => {
  const to: Sender = { socket: null, unsent: null };
  expect(send(to, BYTES, 0, 4, false)).toBe(false);
  expect(flush(to)).toBe(false);
});
