import { chmod, cp, mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Lab } from "./lab.ts";
import type { Node } from "./node.ts";
import { attempt } from "./shell.ts";

const ANSIBLE = resolve(import.meta.dir, "../../ansible");
/** With what URLs and config files need quotes for. */
const PASSWORD = 'roll/out #"1';
/** e_ident of an ELF header: its last byte is padding, and makes another release of the same program. */
const PADDING_AT = 15;

export interface Nodes {
  edge: Node;
  apps: Node[];
}

export interface Played {
  code: number;
  seconds: number;
  output: string;
  /** Tasks that changed something, over all nodes. */
  changed: number;
}

/** A site that the playbooks of deploy/ansible install and move: an edge with Redis, and nodes with app and worker. */
export class Site {
  readonly nodes: Nodes;
  readonly #lab: Lab;
  #binary: string;
  #app: string;

  private constructor(lab: Lab, nodes: Nodes, binary: string, app: string) {
    this.#lab = lab;
    this.nodes = nodes;
    this.#binary = binary;
    this.#app = app;
  }

  static async make(lab: Lab, nodes: Nodes, binary: string): Promise<Site> {
    const site = new Site(lab, nodes, join(lab.folder, "bin-0", "trivet"), join(lab.folder, "app-0"));
    await site.release(binary, 0);
    return site;
  }

  /** From now on the playbooks ship another binary and another app; `broken`: one that can't start. */
  async release(binary: string, number: number, broken = false): Promise<void> {
    const folder = join(this.#lab.folder, `bin-${number}`);
    await mkdir(folder, { recursive: true });
    const bytes = new Uint8Array(await Bun.file(binary).arrayBuffer());
    bytes[PADDING_AT] = number;
    this.#binary = join(folder, "trivet");
    await Bun.write(this.#binary, bytes);
    await chmod(this.#binary, 0o755);
    await this.releaseApp(number, broken);
  }

  /** From now on the playbooks ship another app; the binary stays. */
  async releaseApp(number: number, broken = false): Promise<void> {
    this.#app = join(this.#lab.folder, `app-${number}`);
    await cp(join(import.meta.dir, "app"), this.#app, { recursive: true });
    await Bun.write(join(this.#app, "release"), String(number));
    if (broken)
      await Bun.write(join(this.#app, "app.ts"), 'throw new Error("a release that can not start");\n');
  }

  async play(playbook: string, ...flags: string[]): Promise<Played> {
    const { folder } = this.#lab;
    await Bun.write(join(folder, "hosts.json"), JSON.stringify(this.#inventory()));
    await Bun.write(join(folder, "vars.json"), JSON.stringify(this.#variables()));
    const log = join(folder, "ansible.log");
    const files = ["-i", join(folder, "hosts.json"), "-e", `@${join(folder, "vars.json")}`];
    const startMs = performance.now();
    // Ansible wants files that block, which a pipe of Bun's does not.
    const { code } = await attempt(
      this.#lab.inside([
        "sh",
        "-c",
        `exec "$0" "$@" >${log} 2>&1`,
        "ansible-playbook",
        ...files,
        playbook,
        ...flags,
      ]),
      {
        cwd: ANSIBLE,
        env: {
          ANSIBLE_PRIVATE_KEY_FILE: join(folder, "key"),
          ANSIBLE_SSH_ARGS:
            "-o ControlMaster=auto -o ControlPersist=60s -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
          ANSIBLE_SSH_CONTROL_PATH_DIR: join(folder, "cp"),
          ANSIBLE_CACHE_PLUGIN_CONNECTION: join(folder, "facts"),
          ANSIBLE_NOCOLOR: "1",
        },
      },
    );
    const output = await Bun.file(log).text();
    const seconds = (performance.now() - startMs) / 1000;
    const changed = [...output.matchAll(/ changed=(\d+) /g)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
    return { code, seconds, output, changed };
  }

  /** Of these jobs, those that no worker has run. */
  async unmarked(jobs: readonly string[]): Promise<string[]> {
    const { output } = await this.nodes.edge.ssh(
      `redis-cli --no-auth-warning -a '${PASSWORD}' SMEMBERS marked`,
    );
    const marked = new Set(output.split("\n").map((line) => line.trim()));
    return jobs.filter((id) => !marked.has(id));
  }

  #inventory(): unknown {
    const { edge, apps } = this.nodes;
    const host = (node: Node) => ({ ansible_host: node.address, ansible_user: "root" });
    const hosts = (nodes: readonly Node[]) => ({
      hosts: Object.fromEntries(nodes.map((node) => [node.name, host(node)])),
    });
    return {
      all: { children: { edge: hosts([edge]), redis: hosts([edge]), app: hosts(apps), worker: hosts(apps) } },
    };
  }

  #variables(): unknown {
    return {
      trivet_binary: this.#binary,
      trivet_packed: join(this.#lab.folder, "packed"),
      trivet_sites: [
        {
          name: "shop",
          app: this.#app,
          config: "site.toml.j2",
          secrets: {
            STORE_URL:
              "redis://:{{ redis_password | urlencode | replace('/', '%2F') }}@{{ redis_address }}:{{ redis_jobs_port }}",
          },
        },
      ],
      redis_password: PASSWORD,
      redis_jobs_memory: "256mb",
      redis_cache_memory: "64mb",
      node_timesync: false,
    };
  }
}
