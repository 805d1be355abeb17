import { UserError } from "../shared/user_error.ts";
import type { Runner } from "./command.ts";

export const child: Runner = {
  async run() {
    throw new UserError("trivet child is started by a supervisor only: use trivet up", 2);
  },
};

/** Does the work of a child; the process ends from there. */
export async function runRoom(kind: string | undefined): Promise<never> {
  const { runChild } = await roomOf(kind);
  runChild();
  return new Promise<never>(() => undefined);
}

async function roomOf(kind: string | undefined): Promise<{ runChild(): void }> {
  switch (kind) {
    case "proxy":
      return import("../proxy/child.ts");
    case "serve":
      return import("../daemon/serve/child.ts");
    case "worker":
      return import("../daemon/worker/child.ts");
    case "store":
      return import("../shared/store/child.ts");
    case "outbox":
      return import("../shared/outbox/child.ts");
    default:
      throw new UserError(`no such child: ${kind}`, 2);
  }
}
