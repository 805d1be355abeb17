import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import fc from "fast-check";
import { parse } from "smol-toml";
import { UserError } from "../user_error.ts";
import { checkConfig, loadConfig } from "./load.ts";
import { ConfigSchema } from "./schema.ts";

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "trivet-load-"));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function refusal(named: string): Promise<UserError> {
  const thrown = await loadConfig(named).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(UserError);
  return thrown as UserError;
}

async function write(text: string | Uint8Array): Promise<string> {
  const file = join(dir, "site.toml");
  await Bun.write(file, text);
  return file;
}

const FULL = `[store]
url = "sqlite:data/jobs.db"
[proxy]
drain_timeout = "1m"
access_log_to = "file:access.log"
[proxy.limits]
body = "10MiB"
[[proxy.route]]
backend = "app"
[backend.app]
servers = ["unix:app.sock", { address = "unix:/run/b.sock" }, "10.0.0.1:80"]
[backend.app.health]
interval = "500ms"
[serve]
app = "web/app.ts"
[worker]
handlers = "/opt/jobs.ts"
[admin]
dir = "run"
`;

test("fills in defaults, decodes units and makes paths absolute", async () => {
  const { config, file, dir: from } = await loadConfig(await write(FULL));
  expect(file).toBe(join(dir, "site.toml"));
  expect(from).toBe(dir);
  expect(config.store.url).toBe(`sqlite:${dir}/data/jobs.db`);
  expect(config.proxy).toMatchObject({
    drain_timeout: 60_000,
    access_log_to: `file:${dir}/access.log`,
    workers: "auto",
  });
  expect(config.proxy.limits).toMatchObject({ body: 10_485_760, head: 16_384 });
  expect(config.backend["app"]?.servers).toEqual([
    `unix:${dir}/app.sock`,
    { address: "unix:/run/b.sock", weight: 1, max_connections: 0 },
    "10.0.0.1:80",
  ]);
  expect(config.backend["app"]?.health).toMatchObject({ interval: 500, path: "/healthz", rise: 2 });
  expect(config.serve.app).toBe(join(dir, "web/app.ts"));
  expect(config.worker.handlers).toBe("/opt/jobs.ts");
  expect(config.admin.dir).toBe(join(dir, "run"));
});

test("an empty file is all defaults", async () => {
  const { config } = await loadConfig(await write(""));
  expect(config.proxy.listen).toEqual([{ address: "0.0.0.0:8080" }]);
  expect(config.store.url).toBe(`sqlite:${dir}/trivet.db`);
});

test("tells everything at once, in the order of the lines, for exit code 2", async () => {
  const file = await write(
    '[proxy]\nwrkers = 1\nworkers = 0\n[[proxy.route]]\nbackend = "nope"\n[serve]\nlisten = "x"\n',
  );
  const error = await refusal(file);
  expect(error.exitCode).toBe(2);
  expect(error.message.split("\n")).toEqual([
    `${file}:2: proxy.wrkers is not a key of trivet.toml; did you mean workers?`,
    `${file}:3: proxy.workers must be "auto" or a whole number from 1 to 512`,
    `${file}:5: there is no backend "nope"; add a [backend.nope] with servers`,
    `${file}:7: serve.listen must be an address of this machine like "127.0.0.1:8080" or "[::1]:8080" or a list with at least one item, each an address of this machine like "127.0.0.1:8080" or "[::1]:8080"`,
  ]);
});

test("a syntax error has line and column", async () => {
  const file = await write("[proxy]\nworkers = auto\n");
  expect((await refusal(file)).message).toStartWith(`${file}:2:11: this is not a value: text needs quotes`);
});

test("an unset variable is named once, and its value is not checked further", () => {
  expect(() => checkConfig(`[store]\nurl = "\${TRIVET_TEST_NONE}"`, "t.toml", dir, {})).toThrow(
    `t.toml:2: the environment variable TRIVET_TEST_NONE is not set: set it, or write \${TRIVET_TEST_NONE:-default}`,
  );
});

test("a wrong value from a variable is not shown", () => {
  expect(() =>
    checkConfig(`[store]\nurl = "\${URL}"`, "t.toml", dir, { URL: "mysql://me:secret@h" }),
  ).toThrow(/^(?!.*secret)/s);
});

test("a file that can't be read is one sentence for exit code 2", async () => {
  const absent = await refusal(join(dir, "none.toml"));
  expect(absent.exitCode).toBe(2);
  expect(absent.message).toContain("there is no config file");
  expect((await refusal(dir)).message).toContain("is a folder");
  expect((await refusal(await write(new Uint8Array([0xff, 0xfe, 0x00])))).message).toContain("not UTF-8");
  expect((await refusal(await write(`# ${"x".repeat(1024 * 1024)}`))).message).toContain("larger than 1 MiB");
});

test("a file without read permission is one sentence", async () => {
  const file = await write("");
  await chmod(file, 0o000);
  // Root may read everything.
  if (process.getuid?.() === 0) expect((await loadConfig(file)).file).toBe(file);
  else expect((await refusal(file)).message).toContain("can't be read");
});

const piece = fc.constantFrom(
  "[",
  "]",
  "{",
  "}",
  '"',
  "'",
  "=",
  ".",
  ",",
  "\n",
  "#",
  "-",
  "1",
  "true",
  "${",
  "\\",
  '"""',
  "\u0000",
  "é",
  "__proto__",
  "[[",
  "[proxy]",
  "inf",
  "0x",
  "1979-05-27",
);
const mutation = fc.record({
  at: fc.nat(),
  cut: fc.nat(12),
  insert: fc.oneof(piece, fc.string({ maxLength: 6 })),
});

test("a mutated file loads, or is refused in sentences with lines", () => {
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      let text = FULL;
      for (const { at, cut, insert } of mutations) {
        const start = at % (text.length + 1);
        text = text.slice(0, start) + insert + text.slice(start + cut);
      }
      try {
        checkConfig(text, "t.toml", "/", {});
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        for (const line of error.message.split("\n")) expect(line).toMatch(/^t\.toml:\d+(:\d+)?: \S/);
        return;
      }
      expect(Value.Check(ConfigSchema, Value.Default(ConfigSchema, parse(text)))).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
