import { ConfigError, type Fault } from "../shared/config/config_error.ts";
import { jsonSchema } from "../shared/config/json_schema.ts";
import { loadConfig } from "../shared/config/load.ts";
import { userFileFaults } from "../shared/config/user_file.ts";
import type { Runner } from "./command.ts";
import { machineFaults } from "./machine_faults.ts";
import { complain, say, sayJson } from "./say.ts";
import { unresolvedNames } from "./unresolved_names.ts";

const INVALID = 2;

export const check: Runner = {
  async run({ configFile, json, flags }) {
    if (flags.has("--schema")) {
      sayJson(jsonSchema());
      return 0;
    }
    try {
      const { config, file, lines, shown } = await loadConfig(configFile);
      const name = configFile ?? "trivet.toml";
      const faults = [...userFileFaults(config, lines, shown), ...machineFaults(config, lines, shown)];
      faults.sort((a, b) => a.line - b.line);
      for (const sentence of await unresolvedNames(config, lines, shown)) complain(`${name}:${sentence}`);
      if (faults.length > 0) throw new ConfigError(name, faults);
      if (json) printJson(file, []);
      else say(file ? `${name} is valid` : "there is no trivet.toml here: all keys have their defaults");
      return 0;
    } catch (error) {
      if (!json || !(error instanceof ConfigError)) throw error;
      printJson(configFile ?? "trivet.toml", error.faults);
      return INVALID;
    }
  },
};

function printJson(file: string | undefined, errors: readonly Fault[]): void {
  sayJson({ file: file ?? null, valid: errors.length === 0, errors }, 0);
}
