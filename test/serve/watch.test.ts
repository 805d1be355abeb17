import { afterAll, expect, test } from "bun:test";
import { renameSync, rmSync } from "node:fs";
import { closeBrowser, openPage } from "../harness/browser.ts";
import { until } from "../harness/until.ts";
import { AppSite } from "./app_site.ts";

/** 300 ms are the aim on an idle machine; docs/serve.md says how they are spent. */
const SAVE_MS_MAX = 30_000;

const APP = 'import { word } from "./inner/word.ts"; export default { fetch: () => new Response(word) };';
const word = (text: string) => `export const word = "${text}";`;

function says(site: AppSite, text: string): Promise<unknown> {
  return until(async () => (await ask(site)) === text, `the app says ${text}`, SAVE_MS_MAX);
}

async function ask(site: AppSite): Promise<string> {
  return (await fetch(site.url, { keepalive: false })).text();
}

afterAll(closeBrowser);

test("a save is loaded: written in place, by rename, in a new file, in one that went and came", async () => {
  await using site = await AppSite.start({
    args: ["--watch"],
    files: { "app.ts": APP, "inner/word.ts": word("one") },
    serve: "workers = 2",
  });
  expect(await ask(site)).toBe("one");
  await until(() => site.trivet.stderr.includes("for development, not for production"), "it warns");
  expect(await site.children()).toHaveLength(1);
  await site.write("inner/word.ts", word("two"));
  await says(site, "two");
  await site.write("inner/word.ts.swp", word("three"));
  renameSync(`${site.path}/inner/word.ts.swp`, `${site.path}/inner/word.ts`);
  await says(site, "three");

  await site.write("app.ts", APP.replace("./inner/word.ts", "./new"));
  await until(() => site.trivet.stderr.includes("app.ts:1: Cannot find module './new'"), "it is missing");
  await site.write("new.ts", word("four"));
  await says(site, "four");
  rmSync(`${site.path}/new.ts`);
  await until(async () => (await ask(site)).includes("new"), "it is missing again");
  await site.write("new.ts", word("five"));
  await says(site, "five");
}, 120_000);

test("what the app does not import, its own packages too, changes nothing", async () => {
  await using site = await AppSite.start({
    files: { "app.ts": APP, "inner/word.ts": word("one"), "node_modules/pack/index.js": "" },
    serve: "watch = true",
  });
  const [before] = await site.children();
  await site.write("notes.txt", "a");
  await site.write("node_modules/pack/index.js", "a");
  await site.write("inner/word.ts", word("two"));
  await says(site, "two");
  const [after] = await site.children();
  expect(after?.pid).not.toBe(before?.pid);
  await until(() => site.trivet.stderr.includes('"reloaded"'), "the log says so");
  expect(site.trivet.stderr.match(/"reloaded"/g)).toHaveLength(1);
});

test("broken code is shown in the terminal and the browser, which goes on when it is mended", async () => {
  await using site = await AppSite.up({
    args: ["--watch"],
    files: { "app.ts": APP, "inner/word.ts": word("one"), "jobs.ts": "export default {};" },
  });
  using page = await openPage(site.edgeUrl);
  await page.until('document.body.textContent === "one"');
  await site.write("inner/word.ts", `${word("two")}\nconst broken = {;\n`);
  const place = `${site.path}/inner/word.ts:2: `;
  await until(() => site.trivet.stderr.includes(place), "the terminal names the line");
  await until(async () => (await fetch(site.edgeUrl)).status === 500, "it is shown");
  await page.evaluate("location.reload()");
  await page.until(`document.querySelector("h1")?.textContent.startsWith(${JSON.stringify(place)})`);
  expect(await page.evaluate('document.querySelector("mark").textContent')).toContain("const broken");
  await site.write("inner/word.ts", word("two"));
  await page.until('document.body.textContent === "two"');

  await site.write("jobs.ts", "\nexport default 1;");
  await until(
    async () => (await (await fetch(site.edgeUrl)).text()) === `${site.path}/jobs.ts:2: ${NO_JOBS}\n`,
    "jobs.ts is shown",
  );
  await site.write("jobs.ts", "export default {};");
  await until(async () => (await (await fetch(site.edgeUrl)).text()) === "two", "it is mended");
}, 120_000);
const NO_JOBS = "the default export must be defineJobs({ … })";

test("it starts with broken code, and a crash at the top of a file keeps the old one", async () => {
  await using site = await AppSite.start({
    args: ["--watch"],
    files: { "app.ts": "\nthrow new Error('no');" },
  });
  expect(await ask(site)).toBe(`${site.path}/app.ts:2: no\n`);
  await until(() => site.trivet.stderr.includes(`${site.path}/app.ts:2: no`), "the log says so");
  await site.write("app.ts", 'export default { fetch: () => new Response("mended") };');
  await says(site, "mended");
  await site.write("app.ts", "process.exit(3);");
  await until(() => site.trivet.stderr.includes("ended with code 3"), "the log says it");
  expect(await ask(site)).toBe("mended");
  await site.write("app.ts", 'export default { fetch: () => new Response("again") };');
  await says(site, "again");
  expect(await site.trivet.stop()).toBe(0);
});

test("an open event stream does not hold the new code up", async () => {
  const app = (text: string) => `export default { fetch: (request) => request.url.endsWith("/events")
    ? new Response(new ReadableStream({ start: (c) => c.enqueue("${text}") })) : new Response("${text}") };`;
  await using site = await AppSite.start({ args: ["--watch"], files: { "app.ts": app("old") } });
  const reader = (await fetch(`${site.url}/events`)).body?.getReader();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("old");
  await site.write("app.ts", app("new"));
  await says(site, "new");
  expect(await reader?.read().catch(() => "cut")).toBe("cut");
});
