import { until } from "../../../test/harness/until.ts";
import type { Node } from "./node.ts";
import type { Played, Site } from "./site.ts";

const UNPLUGGED_MS = 20_000;
const AFTERWARDS_MS = 3000;

export interface Case {
  name: string;
  /** In the short form too. */
  short: boolean;
  /** "none" may fail; "in flight": only what was on the lost node; "some": this one must fail, or the test sees nothing. */
  failures: "none" | "in flight" | "some";
  /** Throws when it did not go as it should, load apart. */
  run(site: Site, binary: string): Promise<void>;
}

export const CASES: readonly Case[] = [
  {
    name: "upgrade of binary and app, every node",
    short: true,
    failures: "none",
    async run(site, binary) {
      await site.release(binary, 1);
      expectCode(await site.play("upgrade.yml"), 0);
      await expectRelease(site, "1");
    },
  },
  {
    name: "upgrade of the app alone",
    short: false,
    failures: "none",
    async run(site) {
      await site.releaseApp(3);
      expectCode(await site.play("upgrade.yml"), 0);
      await expectRelease(site, "3");
    },
  },
  {
    name: "bad release: refused, rolled back, rollout stopped",
    short: false,
    failures: "none",
    async run(site, binary) {
      await site.release(binary, 2, true);
      expectCode(await site.play("upgrade.yml"), 2);
      await expectRelease(site, "3");
    },
  },
  {
    name: "rollback",
    short: false,
    failures: "none",
    async run(site) {
      expectCode(await site.play("rollback.yml"), 0);
      await expectRelease(site, "1");
    },
  },
  {
    name: "edge restarted, three times",
    short: true,
    failures: "none",
    async run({ nodes }) {
      for (let i = 0; i < 3; i++) await expectDone(nodes.edge, "systemctl restart trivet-proxy && sleep 1");
    },
  },
  {
    name: "edge upgraded in place, restarted at once",
    short: false,
    failures: "none",
    // At once: what the process before has in flight is waited for; its tunnels are not.
    run: ({ nodes }) =>
      expectDone(
        nodes.edge,
        "trivet upgrade proxy -c /etc/trivet/proxy.toml && systemctl restart trivet-proxy && sleep 1",
      ),
  },
  {
    name: "app node drained, restarted, taken back",
    short: false,
    failures: "none",
    async run(site) {
      const node = second(site);
      expectCode(await site.play("drain.yml", "-e", `node=${node.name}`), 0);
      await expectDone(node, "systemctl restart trivet-serve@shop trivet-worker@shop");
      expectCode(await site.play("drain.yml", "-e", `node=${node.name}`, "-e", "state=ready"), 0);
    },
  },
  {
    name: "Redis restarted",
    short: false,
    failures: "none",
    run: ({ nodes }) => expectDone(nodes.edge, "systemctl restart redis-server@jobs"),
  },
  {
    name: "app node rebooted",
    short: false,
    failures: "in flight",
    async run(site) {
      const node = second(site);
      await node.ssh("systemctl reboot");
      await until(async () => (await node.ssh("true", 3000)).code !== 0, "it goes down", 30_000);
      await node.up();
      await until(() => serves(node), "it serves again", 60_000);
    },
  },
  {
    name: "app node unplugged for 20 s",
    short: false,
    failures: "in flight",
    async run(site) {
      const node = second(site);
      await node.plug("down");
      await Bun.sleep(UNPLUGGED_MS);
      await node.plug("up");
      await until(() => serves(node), "it serves again", 60_000);
    },
  },
  {
    name: "control: app processes killed without a drain",
    short: true,
    failures: "some",
    async run(site) {
      for (const node of site.nodes.apps)
        await node.ssh("pkill -9 -f '[t]rivet serve'; pkill -9 trivet-serve; true");
      await until(
        async () => (await Promise.all(site.nodes.apps.map(serves))).every(Boolean),
        "they serve again",
        60_000,
      );
    },
  },
];

/** Runs a case; what the load does after it still belongs to it. */
export async function perform(one: Case, site: Site, binary: string): Promise<void> {
  await one.run(site, binary);
  await Bun.sleep(AFTERWARDS_MS);
}

async function serves(node: Node): Promise<boolean> {
  return (await node.ssh(`curl -sf -m 2 http://${node.address}:8080/`, 5000)).code === 0;
}

function second({ nodes }: Site): Node {
  const node = nodes.apps[1];
  if (!node) throw new Error("this case needs two app nodes");
  return node;
}

async function expectDone(node: Node, command: string): Promise<void> {
  const { code, output } = await node.ssh(command);
  if (code !== 0) throw new Error(`${node.name}: ${command} ended with code ${code}: ${output}`);
}

function expectCode({ code, output }: Played, wanted: number): void {
  if (code !== wanted)
    throw new Error(`the playbook ended with code ${code}, not ${wanted}:\n${output.slice(-6000)}`);
}

async function expectRelease({ nodes }: Site, wanted: string): Promise<void> {
  for (const node of nodes.apps) {
    const { output } = await node.ssh(
      "cat /srv/trivet/shop/current/release; systemctl is-active trivet-serve@shop",
    );
    if (output !== `${wanted}active\n`)
      throw new Error(`${node.name} is not on release ${wanted}: ${output}`);
  }
}
