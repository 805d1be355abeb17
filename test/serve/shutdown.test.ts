/** What an app does before its processes leave. */
import { expect, test } from "bun:test";
import { until } from "../harness/until.ts";
import { AppSite } from "./app_site.ts";

test("onShutdown is awaited once all is answered, for app and jobs", async () => {
  const hook = (who: string) => `import { onShutdown, defineJobs } from "trivet";
    onShutdown(async () => { await Bun.sleep(50); console.log("${who} is done"); });\n`;
  const app = `${hook("app")}export default { async fetch() { await Bun.sleep(300); console.log("answered"); return new Response("slow"); } };`;
  await using site = await AppSite.up({
    files: { "app.ts": app, "jobs.ts": `${hook("worker")}export default defineJobs({});` },
  });
  const slow = fetch(site.url).then((response) => response.text());
  await until(async () => (await site.metric("trivet_serve_requests_in_flight")) > 0, "it is under way");
  expect(await site.trivet.stop()).toBe(0);
  expect(await slow).toBe("slow");
  expect(site.trivet.stdout).toContain("worker is done");
  expect(site.trivet.stdout.indexOf("app is done")).toBeGreaterThan(site.trivet.stdout.indexOf("answered"));
});

test("a rejection that the app hears of does not end its process", async () => {
  const app = `process.on("unhandledRejection", (error) => console.log("heard " + error.message));
    export default { fetch() { void Promise.reject(new Error("x")); return new Response(String(process.pid)); } };`;
  await using site = await AppSite.start({ files: { "app.ts": app } });
  const pid = await (await fetch(site.url)).text();
  await until(() => site.trivet.stdout.includes("heard x"), "the app hears of it");
  expect(await (await fetch(site.url)).text()).toBe(pid);
});

test("a listener for TERM that exits cuts no request when TERM is for the whole group, and runs at the end", async () => {
  const app = `process.on("SIGTERM", () => { console.log("app hears TERM"); process.exit(0); });
    export default { async fetch() { await Bun.sleep(1000); console.log("answered"); return new Response("slow"); } };`;
  const jobs = `import { defineJobs } from "trivet";
    process.once("SIGINT", async () => { await Bun.sleep(10); console.log("worker hears INT"); });
    export default defineJobs({});`;
  await using site = await AppSite.up({ files: { "app.ts": app, "jobs.ts": jobs } });
  const slow = fetch(site.url).then((response) => response.text());
  await until(async () => (await site.metric("trivet_serve_requests_in_flight")) > 0, "it is under way");
  for (const { pid } of (await site.status()).children) process.kill(pid, "SIGTERM");
  expect(await site.trivet.stop()).toBe(0);
  expect(await slow).toBe("slow");
  expect(site.trivet.stdout).toContain("worker hears INT");
  expect(site.trivet.stdout.indexOf("app hears TERM")).toBeGreaterThan(
    site.trivet.stdout.indexOf("answered"),
  );
});

test("process.exit() while a request is answered is a crash, as without a listener", async () => {
  const app = `process.on("SIGTERM", () => process.exit(0));
    export default { fetch(request) { if (request.url.endsWith("/exit")) process.exit(0); return new Response(String(process.pid)); } };`;
  await using site = await AppSite.start({ files: { "app.ts": app } });
  const pid = await (await fetch(site.url)).text();
  await fetch(`${site.url}/exit`).catch(() => undefined);
  await until(
    async () => (await (await fetch(site.url).catch(() => new Response(pid))).text()) !== pid,
    "another one",
  );
});
