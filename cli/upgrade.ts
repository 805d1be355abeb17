import { findNamed, tellPatiently } from "./admin_client.ts";
import type { Command } from "./command.ts";

export const upgrade: Command = {
  name: "upgrade",
  usage: "trivet upgrade [MODE]",
  summary: "have the binary that now stands at its path take over what runs here, without dropping a request",
  async run(invocation) {
    const running = await findNamed(invocation, "nothing was upgraded");
    for (const one of running) {
      await tellPatiently(one, "/upgrade");
      console.log(`${one.mode}: process ${one.status.pid} has handed over and finishes what it has`);
    }
    return 0;
  },
};
