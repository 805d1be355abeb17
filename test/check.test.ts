import { expect, test } from "bun:test";
import { runTrivet } from "./harness/command.ts";
import { Folder } from "./harness/folder.ts";

const CHECK = ["check", "-c", "trivet.toml"];

test("a valid file is said to be valid, and nothing is made", async () => {
  await using folder = await Folder.make({
    "trivet.toml": '[[proxy.route]]\nbackend = "a"\n[backend.a]\nservers = ["127.0.0.1:1"]\n',
  });
  expect(await runTrivet(CHECK, { cwd: folder.path })).toEqual({
    code: 0,
    stdout: "trivet.toml is valid\n",
    stderr: "",
  });
  expect([...new Bun.Glob("**/*").scanSync({ cwd: folder.path, dot: true })]).toEqual(["trivet.toml"]);
});

test("every fault comes at once with its line, on stderr, with exit code 2", async () => {
  await using folder = await Folder.make({
    "trivet.toml": '[proxy]\nwrkers = 1\n[serve]\nlisten = "here"\n',
  });
  const { code, stdout, stderr } = await runTrivet(CHECK, { cwd: folder.path });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr.split("\n")).toEqual([
    "trivet.toml:2: proxy.wrkers is not a key of trivet.toml; did you mean workers?",
    expect.stringContaining("trivet.toml:4: serve.listen must be an address"),
    "",
  ]);
});

test("an app that a section needs and that is not there is a fault", async () => {
  await using folder = await Folder.make({ "trivet.toml": "[serve]\nworkers = 1\n" });
  const { code, stderr } = await runTrivet(CHECK, { cwd: folder.path });
  expect(code).toBe(2);
  expect(stderr).toBe(`trivet.toml:1: serve.app: there is no app ${folder.path}/app.ts\n`);
});

test("a file that is not there is one sentence", async () => {
  await using folder = await Folder.make();
  expect(await runTrivet(CHECK, { cwd: folder.path })).toEqual({
    code: 2,
    stdout: "",
    stderr: "there is no config file trivet.toml: check the name after -c\n",
  });
});

test("without a file the defaults are valid", async () => {
  await using folder = await Folder.make();
  const { code, stdout } = await runTrivet(["check"], { cwd: folder.path });
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: "there is no trivet.toml here: all keys have their defaults\n",
  });
});

test("--json says the same for programs", async () => {
  await using folder = await Folder.make({ "trivet.toml": "[proxy]\nworkers = auto\n" });
  const { code, stdout } = await runTrivet([...CHECK, "--json"], { cwd: folder.path });
  expect(code).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({
    file: "trivet.toml",
    valid: false,
    errors: [{ line: 2, column: 11 }],
  });
});

test("--schema prints a JSON Schema", async () => {
  const { code, stdout } = await runTrivet(["check", "--schema"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ title: "trivet.toml", type: "object" });
});

test.each(["proxy", "serve", "worker", "up"])(
  "trivet %s refuses a wrong config before it starts anything",
  async (mode) => {
    await using folder = await Folder.make({
      "trivet.toml": "[proxy]\nworkers = 0\n",
      "app.ts": "",
      "jobs.ts": "",
    });
    const { code, stdout, stderr } = await runTrivet([mode, "-c", "trivet.toml"], { cwd: folder.path });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe('trivet.toml:2: proxy.workers must be "auto" or a whole number from 1 to 512\n');
  },
);

test("the value of an environment variable is never shown: the file's own words are", async () => {
  const text = `
[proxy]
listen = [{ address = "127.0.0.1:1" }, { address = "\${LISTEN}" }, { address = "\${DEFAULTED:-127.0.0.1:4711}" }, { address = "\${DEFAULTED:-127.0.0.1:4711}" }]
access_log_to = "\${S}"
timeouts.connect = "\${S}"
[[proxy.route]]
backend = "x\${S}y"
[[proxy.route]]
host = "\${HOST}"
methods = ["\${METHOD}", "get"]
backend = "api"
[[proxy.route]]
host = "\${HOST}"
methods = ["\${METHOD}", "\${LOWER}"]
backend = "api"
headers.request = { Host = "\${S}", X-A = "\${S}\\n" }
[[proxy.route]]
path_prefix = "/\${S}\\\\"
host = "\${S}"
redirect = { to = "\${S}" }
allow = ["\${S}"]
[[proxy.route]]
path_prefix = "/status"
respond = { status = "\${STATUS}", body = "\${S}" }
[backend.api]
servers = ["127.0.0.1:1", "\${SERVER}", { address = "\${SERVER}" }]
balance = "\${S}"
health = { expect = "\${S}" }
[serve]
listen = ["\${LISTEN}", "\${LISTEN}"]
user = "\${S}/"
[worker]
queues = [{ name = "\${QUEUE}" }, { name = "\${QUEUE}" }, { name = "\${S}", rate = { jobs = 1, per = "\${LONG}" } }]
lease = "\${SHORT}"
[[worker.cron]]
name = "\${S}"
type = "t"
schedule = "\${S}"
timezone = "\${S}"
[[worker.cron]]
name = "\${S}"
type = "t"
schedule = "* * * * *"
[store]
url = "\${S}"
[admin]
http = "\${ADMIN}"
hosts = ["\${S}"]
`;
  const env = {
    S: "hunter2 secret",
    LISTEN: "127.0.0.1:1",
    SERVER: "127.0.0.1:1",
    HOST: "hidden.example",
    METHOD: "HIDDEN",
    LOWER: "patch",
    STATUS: "304",
    QUEUE: "hiddenqueue",
    LONG: "333d",
    SHORT: "77ms",
    ADMIN: "10.44.55.66:9900",
  };
  await using folder = await Folder.make({ "trivet.toml": text });
  for (const words of [CHECK, [...CHECK, "--json"]]) {
    const { code, stdout, stderr } = await runTrivet(words, { cwd: folder.path, env });
    const said = stdout + stderr;
    expect(code).toBe(2);
    expect(said).toContain(`x\${S}y`);
    for (const value of ["hunter2", "secret", "hidden", "HIDDEN", "PATCH", "304", "333d", "77ms", "10.44"])
      expect([value, said.split("\n").filter((line) => line.includes(value))]).toEqual([value, []]);
  }
});

test("nor is it when a file is missing or wrong", async () => {
  const text = `
[serve]
app = "\${S}.ts"
[worker]
handlers = "\${BROKEN}"
`;
  const env = { S: "hunter2", BROKEN: "hidden.ts" };
  await using folder = await Folder.make({ "trivet.toml": text, "hidden.ts": "export default {{{" });
  const { code, stderr } = await runTrivet(CHECK, { cwd: folder.path, env });
  expect([code, stderr.split("\n").map((line) => line.slice(0, 60))]).toEqual([
    2,
    [
      `trivet.toml:3: serve.app: there is no app \${S}.ts`,
      expect.stringContaining(`trivet.toml:5: worker.handlers: \${BROKEN}:1: `),
      "",
    ],
  ]);
});

test("nor when a mode starts with such a file", async () => {
  const text = `[[proxy.route]]\nbackend = "\${S}"\n`;
  await using folder = await Folder.make({ "trivet.toml": text });
  const { code, stderr } = await runTrivet(["proxy", "-c", "trivet.toml"], {
    cwd: folder.path,
    env: { S: "hunter2" },
  });
  expect([code, stderr]).toEqual([
    2,
    `trivet.toml:2: there is no backend "\${S}"; add a [backend.NAME] of that name, with servers\n`,
  ]);
});

test("users, groups, files and folders that this machine lacks are faults, each with its line", async () => {
  await using folder = await Folder.make({
    "app.ts": "export default { fetch: () => new Response() };\n",
    "trivet.toml": `[proxy]
user = "nobody-of-this-name"
access_log_to = "file:no/such/log"
[serve]
group = "\${NO_SUCH_GROUP}"
folder = "none"
env_file = "none.env"
pid_file = "none/pid"
[worker]
folder = "none"
`,
  });
  const { code, stderr } = await runTrivet(CHECK, { cwd: folder.path, env: { NO_SUCH_GROUP: "hidden" } });
  expect(code).toBe(2);
  expect(stderr.replaceAll(`${folder.path}/`, "").trim().split("\n")).toEqual([
    "trivet.toml:2: proxy.user: this machine has no user nobody-of-this-name",
    "trivet.toml:3: proxy.access_log_to: this machine has no folder for file:no/such/log",
    `trivet.toml:5: serve.group: this machine has no group \${NO_SUCH_GROUP}`,
    "trivet.toml:6: serve.folder: this machine has no folder none",
    "trivet.toml:7: serve.env_file: this machine has no file none.env",
    "trivet.toml:8: serve.pid_file: this machine has no folder for none/pid",
    expect.stringContaining("worker.handlers") as string,
    "trivet.toml:10: worker.folder: this machine has no folder none",
  ]);
});

test("a server's name that is not found here is told, and no fault: it may be found where the config is used", async () => {
  await using folder = await Folder.make({
    "trivet.toml":
      '[[proxy.route]]\nbackend = "a"\n[backend.a]\nservers = ["127.0.0.1:1",\n "app.invalid:80", { address = "localhost:80" }]\n',
  });
  const { code, stderr } = await runTrivet(CHECK, { cwd: folder.path });
  expect(stderr).toMatch(
    /^trivet\.toml:[45]: the name of server app\.invalid:80 can't be resolved here: \w+/,
  );
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(code).toBe(0);
});

test("a bare number is a size in bytes", async () => {
  await using folder = await Folder.make({ "trivet.toml": "[proxy.limits]\nhead = 16384\nbody = 0\n" });
  expect((await runTrivet(CHECK, { cwd: folder.path })).code).toBe(0);
  await folder.write("trivet.toml", "[proxy.limits]\nhead = 1.5\n");
  const { code, stderr } = await runTrivet(CHECK, { cwd: folder.path });
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining("trivet.toml:2: proxy.limits.head must be a size"),
  ]);
});
