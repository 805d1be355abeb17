import { findNamed, tellPatiently } from "./admin_client.ts";
import type { Runner } from "./command.ts";
import { say } from "./say.ts";

export const upgrade: Runner = {
  async run(invocation) {
    const running = await findNamed(invocation, "nothing was upgraded");
    for (const one of running) {
      await tellPatiently(one, "/upgrade");
      say(`${one.mode}: process ${one.status.pid} has handed over and finishes what it has`);
    }
    return 0;
  },
};
