/** Whatever an app throws is one answer of 500 and a line in the log: its process goes on, or says why it ends. */
import { describe, expect, test } from "bun:test";
import { until } from "../harness/until.ts";
import { AppSite } from "./app_site.ts";

const THROWN: Readonly<Record<string, string>> = {
  stack_throws: `Object.defineProperty(new Error("m1"), "stack", { get: boom })`,
  stack_list: `Object.defineProperty(new Error("m2"), "stack", { value: [] })`,
  stack_loops: `Object.defineProperty(new Error("m3"), "stack", { get: never })`,
  message_throws: `Object.defineProperty(new Error(), "message", { get: boom })`,
  symbol_message: `Object.assign(new Error(), { message: Symbol("s") })`,
  status_throws: `Object.defineProperty(new Error("m4"), "status", { get: boom })`,
  proxy: `new Proxy(new Error("m5"), { get: boom, getPrototypeOf: boom })`,
  to_string: `({ toString: boom, [Symbol.toPrimitive]: boom })`,
};
const PRELUDE = `const boom = () => { throw new Error("from user code"); };
const never = () => { for (;;); };
const thrown = { ${Object.entries(THROWN)
  .map(([name, value]) => `${name}: () => ${value}`)
  .join(", ")} };\n`;

describe.each([
  [
    "a plain object",
    `export default { fetch(request) { const { pathname } = new URL(request.url); if (pathname === "/pid") return new Response(String(process.pid)); throw thrown[pathname.slice(1)](); } };`,
  ],
  [
    "an Elysia app",
    `import { Elysia } from "elysia";
    export default new Elysia().get("/pid", () => String(process.pid)).get("/:what", ({ params }) => { throw thrown[params.what](); });`,
  ],
])("%s", (_, app) => {
  test("answers what it throws with 500, and lives", async () => {
    await using site = await AppSite.start({ files: { "app.ts": PRELUDE + app } });
    const pid = async () => (await fetch(`${site.url}/pid`)).text();
    const before = await pid();
    for (const name of Object.keys(THROWN)) {
      const { status } = await fetch(`${site.url}/${name}`);
      expect({ name, status }).toEqual({ name, status: 500 });
      expect(await pid()).toBe(before);
    }
    for (const message of ["m1", "m2", "m3"])
      await until(() => site.trivet.stderr.includes(message), message);
  });
});

test("one that ends its process, or can't be loaded, is named in a sentence", async () => {
  const later = `${PRELUDE}export default { fetch(request) {
    const { pathname } = new URL(request.url); setTimeout(() => { throw thrown[pathname.slice(1)](); }, 1); return new Response("soon"); } };`;
  await using site = await AppSite.start({ files: { "app.ts": later } });
  for (const name of ["proxy", "stack_throws"]) {
    const [child] = await site.children();
    await fetch(`${site.url}/${name}`);
    await until(async () => {
      const [next] = await site.children();
      return next && next.state === "ready" && next.pid !== child?.pid;
    }, "another process has taken its place");
  }
  expect(site.trivet.stderr).toContain("app.ts: threw a Proxy");
  expect(site.trivet.stderr).toContain("m1");
  const unloadable = AppSite.start({ files: { "app.ts": `${PRELUDE}throw thrown.proxy();` } });
  const failure = await unloadable.then(
    () => "it started",
    (error: Error) => error.message,
  );
  expect(failure).toContain("app.ts: threw a Proxy");
});
