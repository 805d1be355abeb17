import { expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, readSync, renameSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { Folder } from "../test/harness/folder.ts";
import { until } from "../test/harness/until.ts";
import { FileSink, GONE, type LineSink, SocketSink } from "./line_sink.ts";
import { LineWriter } from "./line_writer.ts";
import { Counter } from "./metrics.ts";
import { addressOf, libc } from "./process/libc.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const BACKLOG_BYTES = 8 * 1024 * 1024;

/** Takes at most as much as it is allowed to. */
class Slow implements LineSink {
  readonly pageBytes = 64;
  text = "";
  allowed = 0;
  gone = false;

  write(lines: Uint8Array): number {
    if (this.gone) return GONE;
    const taken = Math.min(this.allowed, lines.length);
    this.allowed -= taken;
    this.text += Buffer.from(lines.subarray(0, taken)).toString();
    return taken;
  }

  reopen(): void {
    this.text += "|";
  }

  close(): void {
    this.text += ".";
  }
}

test("lines arrive whole and in order however little is taken at a time", async () => {
  const slow = new Slow();
  const dropped = new Counter();
  const writer = new LineWriter(slow, dropped);
  const lines = Array.from({ length: 500 }, (_, i) => `${i}${"x".repeat(i % 90)}\n`);
  for (const line of lines) {
    slow.allowed = 7;
    writer.write(line);
  }
  slow.allowed = Number.POSITIVE_INFINITY;
  await writer.close();
  expect(slow.text).toBe(`${lines.join("")}.`);
  expect(dropped.value).toBe(0);
});

test("a reader that never reads costs what the backlog holds, and every line more is counted", async () => {
  const slow = new Slow();
  const dropped = new Counter();
  const writer = new LineWriter(slow, dropped);
  const line = `${"x".repeat(999)}\n`;
  const lines = 2 * Math.floor(BACKLOG_BYTES / 1000);
  for (let i = 0; i < lines; i++) writer.write(line);
  expect(dropped.value).toBeWithin(lines / 2 - 100, lines / 2 + 100);
  slow.allowed = Number.POSITIVE_INFINITY;
  await writer.close();
  expect(slow.text.length - 1).toBe((lines - dropped.value) * line.length);
});

test("lines that nobody will read are counted", async () => {
  const slow = new Slow();
  slow.gone = true;
  const dropped = new Counter();
  const writer = new LineWriter(slow, dropped);
  writer.write("a\nb\nc\n");
  await writer.close();
  expect(dropped.value).toBe(3);
});

test("the rest of a line that the old file has the start of does not begin the new one", () => {
  const slow = new Slow();
  const dropped = new Counter();
  const writer = new LineWriter(slow, dropped);
  writer.write("first\n");
  writer.write("second\n");
  slow.allowed = 8;
  writer.reopen();
  slow.allowed = Number.POSITIVE_INFINITY;
  writer.write("third\n");
  writer.flush();
  expect(slow.text).toBe("first\nse|third\n");
  expect(dropped.value).toBe(1);
});

test("a full disk holds lines back until there is room, and they go to the file that is opened then", async () => {
  await using folder = await Folder.make();
  const path = join(folder.path, "access.log");
  symlinkSync("/dev/full", path);
  const dropped = new Counter();
  const writer = new LineWriter(new FileSink(path), dropped);
  for (let i = 0; i < 1000; i++) writer.write(`line ${i}\n`);
  writer.flush();
  unlinkSync(path);
  writer.reopen();
  await writer.close();
  expect(dropped.value).toBe(0);
  expect(readFileSync(path, "utf8")).toBe(Array.from({ length: 1000 }, (_, i) => `line ${i}\n`).join(""));
});

test("a file is appended to, and opened anew after it was moved away", async () => {
  await using folder = await Folder.make({ "access.log": "old\n" });
  const path = join(folder.path, "access.log");
  const writer = new LineWriter(new FileSink(path), new Counter());
  writer.write("before\n");
  renameSync(path, `${path}.1`);
  writer.reopen();
  writer.write("after\n");
  await writer.close();
  expect(readFileSync(`${path}.1`, "utf8")).toBe("old\nbefore\n");
  expect(readFileSync(path, "utf8")).toBe("after\n");
});

test("a connected socket is never waited for", async () => {
  const pair = new Int32Array(2);
  libc().socketpair(AF_UNIX, SOCK_STREAM, 0, addressOf(pair));
  const [ours = -1, theirs = -1] = pair;
  const dropped = new Counter();
  const writer = new LineWriter(new SocketSink(ours), dropped);
  const lines = Array.from({ length: 20_000 }, (_, i) => `${i} ${"x".repeat(100)}\n`);
  const startMs = performance.now();
  for (const line of lines) writer.write(line);
  writer.flush();
  expect(performance.now() - startMs).toBeLessThan(20_000);
  const wanted = lines.join("");
  let text = "";
  const chunk = Buffer.alloc(65_536);
  await until(() => {
    writer.flush();
    text += chunk.toString("latin1", 0, readSync(theirs, chunk));
    return text.length === wanted.length;
  }, "all lines");
  expect(text).toBe(wanted);
  closeSync(theirs);
  writer.write("nobody reads this\n");
  await writer.close();
  expect(dropped.value).toBe(1);
  closeSync(ours);
});

test("a pipe with a name and a stopped reader is never waited for", async () => {
  await using folder = await Folder.make();
  const path = join(folder.path, "pipe");
  await Bun.$`mkfifo ${path}`;
  // Both ways, so that opening does not wait for the other side.
  const reader = openSync(path, "r+");
  const writer = new LineWriter(new FileSink(path), new Counter());
  for (let i = 0; i < 5000; i++) writer.write(`${i} ${"x".repeat(100)}\n`);
  writer.flush();
  expect(readSync(reader, Buffer.alloc(4))).toBe(4);
  await writer.close();
  closeSync(reader);
});
