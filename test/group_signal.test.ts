import { expect, test } from "bun:test";
import { trivetBinary } from "./harness/binary.ts";
import { Folder } from "./harness/folder.ts";
import { freePort } from "./harness/free_port.ts";
import { until } from "./harness/until.ts";

const APP = `export default { async fetch(request) {
  if (new URL(request.url).pathname === "/slow") { console.error("asked"); await Bun.sleep(1500); }
  return new Response("done"); } };`;
const JOBS = 'import { defineJobs } from "trivet";\nexport default defineJobs({ noop: { run() {} } });';

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s to the whole process group, as systemd and terminals send it, drains without a word of replacements",
  async (signal) => {
    const port = await freePort();
    const config = `[proxy]\nworkers = 2\naccess_log = "off"\nlisten = [{ address = "127.0.0.1:${port}" }]
[serve]\nworkers = 2\nlisten = "127.0.0.1:0"\n[admin]\ndir = "run"\nhttp = ""\n`;
    await using folder = await Folder.make({ "trivet.toml": config, "app.ts": APP, "jobs.ts": JOBS });
    const site = Bun.spawn(["setsid", trivetBinary(), "up"], {
      cwd: folder.path,
      stdio: ["ignore", "ignore", "pipe"],
    });
    try {
      let said = "";
      const read = (async () => {
        for await (const chunk of site.stderr) said += new TextDecoder().decode(chunk);
      })();
      await until(() => said.includes('"msg":"ready"'), "it is ready");
      const answer = fetch(`http://127.0.0.1:${port}/slow`, { keepalive: false });
      await until(() => said.includes("asked"), "the app works on it");
      process.kill(-site.pid, signal);
      expect(await (await answer).text()).toBe("done");
      expect(await site.exited).toBe(0);
      await read;
      const lines = said.split("\n").filter((line) => line.startsWith("{"));
      expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
        "ready",
        `${signal}: finishing what runs`,
      ]);
    } finally {
      site.kill("SIGKILL");
    }
  },
  120_000,
);
