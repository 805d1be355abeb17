import { findNamed, tellPatiently } from "./admin_client.ts";
import type { Runner } from "./command.ts";
import { say } from "./say.ts";

export const reload: Runner = {
  async run(invocation) {
    const running = await findNamed(invocation, "nothing was reloaded");
    for (const one of running) {
      await tellPatiently(one, "/reload");
      say(`${one.mode} (process ${one.status.pid}) works by the new config`);
    }
    return 0;
  },
};
