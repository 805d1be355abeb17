import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Node } from "./node.ts";
import { attempt, run } from "./shell.ts";

const NETWORK = "10.77.0";

/** A network of its own, reached by nothing from outside, with the nodes on it. All of it goes away with it. */
export class Lab implements AsyncDisposable {
  readonly folder: string;
  /** The namespace of who runs Ansible and the load. */
  readonly namespace = `tvr${process.pid}`;
  readonly nodes: Node[] = [];

  #gone: Promise<void> | undefined;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<Lab> {
    const lab = new Lab(await mkdtemp(join(tmpdir(), "tv-rollout-")));
    try {
      const { namespace } = lab;
      await run(["ip", "netns", "add", namespace]);
      for (const words of [
        "link set lo up",
        "link add br0 type bridge",
        `addr add ${NETWORK}.1/24 dev br0`,
        "link set br0 up",
      ])
        await run(["ip", "-n", namespace, ...words.split(" ")]);
      await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(lab.folder, "key")]);
      return lab;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts a node with the address NETWORK.10 and those after it; `files`, path → content, are laid over its root. */
  async boot(name: string, root: string, files: Record<string, string | Blob> = {}): Promise<Node> {
    const node = new Node(this, name, `${NETWORK}.${10 + this.nodes.length}`);
    this.nodes.push(node);
    await node.boot(root, files);
    return node;
  }

  /** A command line that runs on the lab's network. */
  inside(command: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.namespace, ...command];
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#gone ??= this.#destroy();
    return this.#gone;
  }

  async #destroy(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.destroy()));
    await attempt(["ip", "netns", "del", this.namespace]);
    await rm(this.folder, { recursive: true, force: true });
  }
}
