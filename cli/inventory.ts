import { UserError } from "../shared/user_error.ts";
import type { Runner } from "./command.ts";
import { listInstances } from "./linode/instances.ts";
import { toInventory } from "./linode/inventory.ts";
import { sayJson } from "./say.ts";

const API = "https://api.linode.com";
const TAG = "trivet";

export const inventory: Runner = {
  async run({ flags }) {
    // Ansible asks so for what --list has said already, under _meta.
    if (flags.has("--host")) return print({});
    if (!flags.has("--list")) throw new UserError("use it as: trivet inventory --list", 2);
    const tag = flags.get("--tag");
    const instances = await listInstances({
      api: process.env["LINODE_API_URL"] || API,
      token: tokenOf(process.env),
      tag: typeof tag === "string" ? tag : TAG,
    });
    return print(toInventory(instances));
  },
};

function tokenOf(env: NodeJS.ProcessEnv): string {
  const token = env["LINODE_API_TOKEN"] || env["LINODE_TOKEN"];
  if (token) return token;
  throw new UserError("set LINODE_API_TOKEN to a token that may read Linodes (linodes:read_only)");
}

function print(value: unknown): number {
  sayJson(value);
  return 0;
}
