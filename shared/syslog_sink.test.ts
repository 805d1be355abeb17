import { expect, test } from "bun:test";
import { closeSync, readSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { Folder } from "../test/harness/folder.ts";
import { until } from "../test/harness/until.ts";
import { LineWriter } from "./line_writer.ts";
import { Counter } from "./metrics.ts";
import { addressOf, libc } from "./process/libc.ts";
import { isFacility } from "./syslog_facility.ts";
import { SyslogSink } from "./syslog_sink.ts";

const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK = 2 | 0o4000;

/** A syslog daemon's socket. */
class Daemon implements Disposable {
  readonly lines: string[] = [];
  readonly #fd: number;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.#fd = libc().socket(AF_UNIX, SOCK_DGRAM_NONBLOCK, 0);
    const address = Buffer.concat([Uint8Array.of(AF_UNIX, 0), Buffer.from(path), Uint8Array.of(0)]);
    expect(libc().bind(this.#fd, addressOf(address), address.length)).toBe(0);
  }

  /** Reads what waits. */
  read(): string[] {
    const datagram = Buffer.alloc(8192);
    try {
      for (;;) this.lines.push(datagram.toString("latin1", 0, readSync(this.#fd, datagram)));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe("EAGAIN");
    }
    return this.lines;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
    unlinkSync(this.#path);
  }
}

test("a datagram a line, as RFC 3164 has it; a slow daemon loses none, and one that comes back is found", async () => {
  await using folder = await Folder.make();
  const path = join(folder.path, "log");
  const dropped = new Counter();
  const writer = new LineWriter(new SyslogSink("local0", path), dropped);
  const written = Array.from({ length: 2000 }, (_, i) => `line ${i}`);
  const bodies = (lines: string[]) => lines.map((line) => line.replace(/^.*?\]: /, ""));
  {
    using daemon = new Daemon(path);
    for (const line of written) writer.write(`${line}\n`);
    writer.flush();
    // More than its queue takes at once (unix(7), max_dgram_qlen).
    expect(daemon.read().length).toBeLessThan(written.length);
    await until(() => daemon.read().length === written.length, "every line");
    expect(bodies(daemon.lines)).toEqual(written);
    expect(daemon.lines[0]).toMatch(/^<134>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d trivet\[\d+\]: line 0$/);
  }
  writer.write("while it is away\n");
  writer.flush();
  using daemon = new Daemon(path);
  await until(() => daemon.read().length === 1, "the line that waited");
  expect(bodies(daemon.lines)).toEqual(["while it is away"]);
  await writer.close();
  expect(dropped.value).toBe(0);
});

test.each([
  ["local0", true],
  ["daemon", true],
  ["local8", false],
  ["", false],
])("facility %p: %p", (name, known) => {
  expect(isFacility(name)).toBe(known);
});
