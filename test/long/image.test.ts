import { expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { whyNot } from "../../deploy/test/rollout/base_root.ts";
import { Lab } from "../../deploy/test/rollout/lab.ts";
import { attempt, run } from "../../deploy/test/rollout/shell.ts";
import { trivetBinary } from "../harness/binary.ts";
import { Folder } from "../harness/folder.ts";
import { until } from "../harness/until.ts";

const DEPLOY = resolve(import.meta.dir, "../../deploy");
const SEED = "var/lib/cloud/seed/nocloud";
const [HOST, EDGE, APP] = ["10.77.0.1", "10.77.0.10", "10.77.0.11"];
const SITE = { "app.ts": 'export default { fetch: () => new Response("from cloud-init") };' };
/** Makes the image a plain Debian again, so that the release is fetched. */
const WIPE =
  "bootcmd:\n  - rm -rf /opt/trivet /usr/share/trivet /usr/local/sbin/trivet-become /etc/systemd/system/trivet-* /etc/sysusers.d/trivet.conf /etc/tmpfiles.d/trivet.conf\n";

async function userData(role: string, edits: readonly [string | RegExp, string][]): Promise<string> {
  // Nodes reach no package mirror.
  const text = (await Bun.file(join(DEPLOY, "cloud-init", `${role}.yaml`)).text()).replace(
    /^package.*\n/gm,
    "",
  );
  return edits.reduce((edited, [from, to]) => edited.replace(from, to), text);
}

function seed(name: string, data: string): Record<string, string> {
  return {
    [`${SEED}/meta-data`]: `instance-id: ${name}\nlocal-hostname: ${name}\n`,
    [`${SEED}/network-config`]: "config: disabled\n",
    [`${SEED}/user-data`]: data,
  };
}

const sumOf = (said: string) => said.split(" ")[0] ?? "";

test("the golden image boots; cloud-init makes it an edge, and a plain Debian an app node, where this machine can", async () => {
  const reason = await whyNot();
  if (reason) return console.log(`not run: ${reason}`);
  await using folder = await Folder.make({ "app/app.ts": SITE["app.ts"] });
  const at = (name: string) => join(folder.path, name);
  await run([join(DEPLOY, "image/build"), trivetBinary(), at("trivet.img.gz")]);
  await run(["gunzip", at("trivet.img.gz")]);
  await run(["tar", "-C", at("app"), "-czf", at("shop.tar.gz"), "."]);
  const release = sumOf(await run([join(DEPLOY, "image/bundle"), trivetBinary(), at("trivet-node.tar.gz")]));
  const app = sumOf(await run(["sha256sum", at("shop.tar.gz")]));
  await run(["mkdir", at("root")]);
  await run(["mount", "-o", "ro,loop", at("trivet.img"), at("root")]);
  await using _mount = { [Symbol.asyncDispose]: async () => void (await attempt(["umount", at("root")])) };
  await using lab = await Lab.open();
  const releases = Bun.spawn(
    lab.inside(["python3", "-m", "http.server", "--bind", HOST, "--directory", folder.path, "8000"]),
    { stdio: ["ignore", "ignore", "ignore"] },
  );
  await using _server = { [Symbol.asyncDispose]: async () => releases.kill() };
  const fetched = async () => (await attempt(lab.inside(["curl", "-sf", `http://${HOST}:8000/`]))).code === 0;
  await until(fetched, "releases can be fetched");

  const edgeData = await userData("edge", [[/servers = .*/, `servers = ["${APP}:8080"]`]]);
  const appData = await userData("app", [
    [
      /https:\/\/RELEASES.EXAMPLE\/trivet-node.tar.gz SHA256_OF_IT/,
      `http://${HOST}:8000/trivet-node.tar.gz ${release}`,
    ],
    [/https:\/\/RELEASES.EXAMPLE\/shop.tar.gz SHA256_OF_IT/, `http://${HOST}:8000/shop.tar.gz ${app}`],
    [/content: redis:.*/, "content: sqlite:/var/lib/trivet/serve/shop/trivet.db"],
    ["192.168.1.11:8080", `${APP}:8080`],
  ]);
  const edge = await lab.boot("edge1", at("root"), seed("edge1", edgeData));
  const node = await lab.boot("app1", at("root"), seed("app1", appData + WIPE));
  const said = async (one: typeof edge, command: string) => (await one.ssh(command)).output.trim();
  expect(await said(edge, "cloud-init status")).toBe("status: done");
  expect(await said(edge, "systemctl is-active trivet-proxy")).toBe("active");
  expect(await said(edge, "trivet doctor --node -c /etc/trivet/proxy.toml")).toMatch(/, 0 would break$/);
  expect(await said(edge, "stat -c %a /etc /usr")).toBe("755\n755");
  expect(await said(node, "cloud-init status")).toBe("status: done");
  expect(await said(node, "systemctl is-active trivet-serve@shop")).toBe("active");
  const answer = async () => (await attempt(lab.inside(["curl", "-s", "-m", "2", `http://${EDGE}/`]))).output;
  await until(async () => (await answer()) === "from cloud-init", "the edge reaches the app");
}, 1_500_000);
