import { expect, test } from "bun:test";
import { until } from "../../test/harness/until.ts";
import { openBytePair } from "./fd_channel.ts";
import { frameOf } from "./frame_reader.ts";
import { libc } from "./libc.ts";
import { type LinkLimits, MessageLink } from "./message_link.ts";

const LIMITS: LinkLimits = { messageBytesMax: 100_000, backlogBytesMax: 1_000_000 };

class Heard {
  readonly messages: unknown[] = [];
  readonly ends: string[] = [];

  message(value: unknown): void {
    if (value === "throw") throw new Error("thrown");
    this.messages.push(value);
  }

  broken(why: string): void {
    this.ends.push(why);
  }

  closed(): void {
    this.ends.push("closed");
  }
}

function pair(limits = LIMITS) {
  const { ours, theirs } = openBytePair();
  const heard = new Heard();
  return { heard, link: new MessageLink(ours, limits, heard), theirs };
}

function linked(limits = LIMITS) {
  const { heard, link, theirs } = pair(limits);
  const other = new Heard();
  return { heard, link, other, otherLink: new MessageLink(theirs, LIMITS, other) };
}

function write(fd: number, bytes: Uint8Array): void {
  const copy = new Uint8Array(Math.max(bytes.byteLength, 2000));
  copy.set(bytes);
  libc().send(fd, copy, bytes.byteLength, 0);
}

test("messages go both ways in order, more than the kernel holds too", async () => {
  const { heard, link, other, otherLink } = linked();
  const many = Array.from({ length: 20 }, (_, i) => `${i} ${"x".repeat(40_000)}`);
  for (const text of many) link.send(text);
  otherLink.send({ deep: [1, null] });
  expect(link.backlogBytes).toBeGreaterThan(0);
  await link.sent();
  expect(link.backlogBytes).toBe(0);
  await until(() => other.messages.length === many.length && heard.messages.length === 1, "all came");
  expect(other.messages).toEqual(many);
  expect(heard.messages).toEqual([{ deep: [1, null] }]);
  link.close();
  await until(() => other.ends.length > 0, "the other side sees it");
  expect([heard.ends, other.ends]).toEqual([[], ["closed"]]);
});

test("what was said before the end is heard, also by one that had not read what it was sent", async () => {
  const { heard, link, theirs } = pair();
  link.send("unread");
  write(theirs, frameOf("last words"));
  libc().close(theirs);
  await until(() => heard.ends.length > 0, "it is closed");
  expect([heard.messages, heard.ends]).toEqual([["last words"], ["closed"]]);
});

test.each([
  ["too long a message", new Uint8Array([0x7f, 0, 0, 0]), /^says what is no message .*2130706432 bytes/],
  ["what is no JSON", new Uint8Array([0, 0, 0, 1, 123]), /JSON/],
  ["an empty message", new Uint8Array([0, 0, 0, 0]), /JSON/],
  ["a message that can't be worked on", frameOf("throw"), /thrown/],
])("%s breaks the link, once and for good", async (_, bytes, why) => {
  const { heard, theirs } = pair();
  write(theirs, frameOf("well"));
  write(theirs, bytes);
  write(theirs, frameOf("after"));
  await until(() => heard.ends.length > 0, "it is broken");
  await until(() => libc().send(theirs, new Uint8Array(2000), 1, 0) < 0, "it is closed");
  expect(heard.messages).toEqual(["well"]);
  expect(heard.ends).toHaveLength(1);
  expect(heard.ends[0]).toMatch(why);
  libc().close(theirs);
});

test("a message over the limit that is given is not sent", async () => {
  const { link, other } = linked();
  expect(link.send("x".repeat(100), 100)).toBe(false);
  expect(link.send("short", 100)).toBe(true);
  await until(() => other.messages.length > 0, "one came");
  expect(other.messages).toEqual(["short"]);
  link.close();
});

test("a descriptor that is no socket is an end like another", async () => {
  const heard = new Heard();
  const link = new MessageLink(-1, LIMITS, heard);
  await until(() => heard.ends.length > 0, "it is told");
  expect(heard.ends).toEqual(["closed"]);
  link.send("nobody");
});

test("who takes nothing is not waited for without a limit", () => {
  const { heard, link, theirs } = pair();
  for (let i = 0; i < 40; i++) link.send("x".repeat(40_000));
  expect(heard.ends).toEqual([expect.stringMatching(/^takes no messages/)]);
  expect(link.backlogBytes).toBe(0);
  libc().close(theirs);
});

test("one that floods is heard at a bounded rate, and to the end when it ends", async () => {
  const rates = { messagesPerS: 50, bytesPerS: 1_000_000, burstS: 1 };
  const { heard, link, otherLink } = linked({ ...LIMITS, rates });
  const beginMs = performance.now();
  const total = 10_000;
  for (let i = 0; i < total; i++) otherLink.send(i);
  await until(() => heard.messages.length > 60, "the burst was heard, and some more");
  expect(heard.messages.length).toBeLessThanOrEqual(51 + (50 * (performance.now() - beginMs)) / 1000);
  expect(heard.messages.length).toBeLessThan(total);
  link.hearOut();
  await until(() => heard.messages.length === total, "the rest was heard");
  expect(heard.messages.at(-1)).toBe(total - 1);
  link.close();
});
