import { expect, test } from "bun:test";
import { AppSite } from "./app_site.ts";

const GOOD = 'export default { fetch: () => new Response("the old code") };';

const CASES: [what: string, app: string, sentence: string | RegExp][] = [
  ["a syntax error", "const a = 1;\nconst b = {;\n", 'PATH/app.ts:2: Expected identifier but found ";"'],
  ["a throw while it loads", '\n\nthrow new Error("no");\n', "PATH/app.ts:3: no"],
  [
    "a missing module",
    '\nimport "./none.ts";\n',
    "PATH/app.ts:2: Cannot find module './none.ts' imported from PATH/app.ts",
  ],
  [
    "a missing package",
    '\nimport { z } from "zod";\nexport default { fetch: () => z };',
    "PATH/app.ts:2: Cannot find package 'zod' imported from PATH/app.ts",
  ],
  [
    "a rejected await",
    '\nawait Promise.reject(new TypeError("db is away"));\n',
    "PATH/app.ts:2: TypeError: db is away",
  ],
  [
    "a throw soon after",
    '\nsetTimeout(() => { throw new Error("later"); }, 1);\nawait Bun.sleep(100);\n',
    "PATH/app.ts:2: later",
  ],
  [
    "an await that never ends",
    "const a = 1;\nconst db = await new Promise(() => {});\n",
    /^PATH\/app\.ts:2: the serve process \d+ was not ready after 6 s, while this file was loaded$/,
  ],
  [
    "an exit",
    "process.exit(0);\n",
    /^PATH\/app\.ts: the serve process \d+ ended with code 0, while this file was loaded$/,
  ],
  [
    "a wrong route",
    "\nexport default { routes: { nope: () => new Response() } };",
    "PATH/app.ts:2: Invalid route \"nope\". Path must start with '/'",
  ],
  [
    "an Elysia plugin that fails",
    'import { Elysia } from "elysia";\nexport default new Elysia().use(async () => { await Bun.sleep(1); throw new Error("no plugin"); });',
    "PATH/app.ts:2: no plugin",
  ],
  [
    "a server of node:net",
    'import { createServer } from "node:net";\ncreateServer().listen(0, "127.0.0.1");\n',
    /^PATH\/app\.ts: the app listens on port \d+ by itself, as servers of node:net and node:http2 do, and can't be run here: give it a default export with fetch\(\), or start it alone and name its address as a server of a backend$/,
  ],
];

test("a reload with code that can't boot changes nothing, and says where the code is wrong", async () => {
  await using site = await AppSite.start({
    files: { "app.ts": GOOD },
    serve: 'workers = 2\nboot_timeout = "6s"',
  });
  const before = (await site.children()).map(({ pid }) => pid);
  for (const [what, app, sentence] of CASES) {
    await site.write("app.ts", app);
    const { code, stderr, ...out } = await site.trivet.run(["reload"]);
    // Said of one that takes its time.
    const stdout = out.stdout.replace("serve: waiting for a reload\n", "");
    const said = stderr.trim().replaceAll(site.path, "PATH");
    expect({ what, code, stdout }).toEqual({ what, code: 1, stdout: "" });
    if (typeof sentence === "string") expect(said).toBe(sentence);
    else expect(said).toMatch(sentence);
    expect(await (await fetch(site.url)).text()).toBe("the old code");
  }
  expect((await site.children()).map(({ pid }) => pid)).toEqual(before);
  expect((await site.trivet.admin("/health")).status).toBe(200);
}, 120_000);
