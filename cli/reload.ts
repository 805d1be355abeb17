import { findNamed, tellPatiently } from "./admin_client.ts";
import type { Command } from "./command.ts";

export const reload: Command = {
  name: "reload",
  usage: "trivet reload [MODE]",
  summary: "bring a changed trivet.toml to what runs here, without dropping a request",
  async run(invocation) {
    const running = await findNamed(invocation, "nothing was reloaded");
    for (const one of running) {
      await tellPatiently(one, "/reload");
      console.log(`${one.mode} (process ${one.status.pid}) works by the new config`);
    }
    return 0;
  },
};
