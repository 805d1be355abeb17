import { expect, test } from "bun:test";
import { freePort } from "./harness/free_port.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

test("up says where the site is to be seen", async () => {
  const port = await freePort();
  await using site = await Trivet.start({
    mode: "up",
    config: `[proxy]\nworkers = 1\n[[proxy.listen]]\naddress = "0.0.0.0:${port}"\n[serve]\nlisten = "127.0.0.1:0"\nworkers = 1\n`,
    files: { "app.ts": 'export default { fetch: () => new Response("hello") };\n' },
  });
  await until(() => site.stderr.includes('"ready"'), "it says where");
  const [, url = ""] = /"site":"([^"]+)"/.exec(site.stderr) ?? [];
  expect(url).toBe(`http://127.0.0.1:${port}`);
  expect(await (await fetch(url)).text()).toBe("hello");
});
