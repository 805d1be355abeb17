/** docs/systemd.md, "From nothing", typed word by word on a machine of its own. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { baseRoot, whyNot } from "../deploy/test/rollout/base_root.ts";
import { Lab } from "../deploy/test/rollout/lab.ts";
import { sentenceOf } from "../shared/user_error.ts";
import { trivetBinary } from "./harness/binary.ts";
import { until } from "./harness/until.ts";

const ROOT = resolve(import.meta.dir, "..");
const UNITS = join(ROOT, "deploy/systemd");
const DATA = "/var/lib/trivet/data/shop";
const TYPING_MS = 180_000;
const as = (user: string, group: string) => `setpriv --reuid=${user} --regid=${group} --init-groups`;
const [APP, WORKER] = [as("trivet-serve", "trivet-site"), as("trivet-worker", "trivet-site")];

/** The blocks for the server, in their order. */
async function blocks(): Promise<string[]> {
  const page = await Bun.file(join(ROOT, "docs/systemd.md")).text();
  const section = page.split(/^## /m).find((part) => part.startsWith("From nothing\n")) ?? "";
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, text = ""]) => text);
}

/** As `scp -r dist/trivet deploy/systemd root@SERVER:` leaves them. */
function arrived(): Record<string, Blob> {
  const files = readdirSync(UNITS, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const units = files.map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries([
    ["root/trivet", Bun.file(trivetBinary())],
    ...units.map((path) => [`root/systemd/${path.slice(UNITS.length + 1)}`, Bun.file(path)]),
  ]) as Record<string, Blob>;
}

/** Why there can be no machine, or what it is made from. */
async function machineRoot(): Promise<{ root: string } | { reason: string }> {
  const reason = await whyNot();
  if (reason) return { reason };
  return baseRoot().then(
    (root) => ({ root }),
    (error: unknown) => ({ reason: `no Debian could be made: ${sentenceOf(error).slice(0, 300)}` }),
  );
}

test("docs/systemd.md makes a site from nothing; app and workers share files, and no app commands the edge", async () => {
  const machine = await machineRoot();
  if ("reason" in machine) return console.log(`not run: ${machine.reason}`);
  await using lab = await Lab.open();
  const node = await lab.boot("one", machine.root, arrived());
  const typed = await blocks();
  expect(typed.length).toBe(4);
  for (const text of typed) {
    const { code, output } = await node.ssh(`set -e\n${text}`, TYPING_MS);
    expect({ text, code, output }).toMatchObject({ code: 0 });
  }
  const said = async (command: string) => (await node.ssh(command)).output.trim();
  await until(
    async () => /goodbye/.test(await said("curl -sS http://127.0.0.1/")),
    "the app reads what the worker wrote into the file that the app had made",
  );
  expect(await said(`stat -c '%U:%G %a' ${DATA}/note.txt ${DATA}/answer.txt`)).toBe(
    "trivet-serve:trivet-site 660\ntrivet-worker:trivet-site 660",
  );
  expect(await said(`${WORKER} sh -c 'echo x >>${DATA}/note.txt && rm ${DATA}/note.txt' && echo may`)).toBe(
    "may",
  );

  const ask = "trivet status -c /etc/trivet/proxy.toml";
  expect(await node.ssh(`${APP} ${ask}`)).toMatchObject({
    code: 1,
    output: expect.stringContaining("/run/trivet/proxy and /run/trivet/worker are for root"),
  });
  const socket = "curl -sS --unix-socket /run/trivet/proxy/proxy.sock http://trivet/status";
  expect(await node.ssh(socket)).toMatchObject({ code: 0 });
  expect(await node.ssh(`${APP} ${socket}`)).toMatchObject({ code: 7 });
  await node.ssh("useradd -G trivet,trivet-proxy alice");
  const asked = await node.ssh(`${as("alice", "alice")} ${ask}`);
  expect(asked.code).toBe(0);
  expect(asked.output).toContain("trivet proxy");
  expect(asked.output).toContain(
    "not all may be shown: /run/trivet/serve and /run/trivet/worker are for root",
  );

  const again = await node.ssh(`set -e\n${typed[0]}\n${typed[3]}`, TYPING_MS);
  expect(again).toMatchObject({ code: 0, output: expect.stringContaining("goodbye") });
  const units = "trivet-proxy trivet-serve@shop trivet-worker@shop";
  expect(await said(`systemctl restart ${units}; systemctl is-active ${units}`)).toBe(
    "active\nactive\nactive",
  );
}, 900_000);
