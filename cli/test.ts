import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testPreloadBundle } from "../daemon/sdk/test_preload_bundle.ts" with { type: "macro" };
import { loadConfig } from "../shared/config/load.ts";
import type { Runner } from "./command.ts";

export const test: Runner = {
  async run({ configFile, operands }) {
    const { config } = await loadConfig(configFile);
    const folder = mkdtempSync(join(tmpdir(), "trivet-test-"));
    const preload = join(folder, "preload.js");
    try {
      writeFileSync(preload, testPreloadBundle());
      // BUN_BE_BUN: this binary acts as the Bun it was compiled with.
      const tests = Bun.spawn([process.execPath, "test", "--preload", preload, ...operands], {
        stdio: ["inherit", "inherit", "inherit"],
        env: { ...process.env, BUN_BE_BUN: "1", TRIVET_TEST_HANDLERS: config.worker.handlers },
      });
      // A Ctrl-C goes to the tests too; they decide.
      process.on("SIGINT", () => undefined);
      return (await tests.exited) === 0 ? 0 : 1;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
