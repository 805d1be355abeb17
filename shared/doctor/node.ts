import type { Status } from "../process/overview.ts";
import { advice, broken, type Diagnosis, well } from "./diagnosis.ts";

/** A supervisor that runs here and what it said of itself. */
export interface Runner {
  mode: string;
  status: Status;
}

/** Whether what should run here runs, is well, and is of one version with the binary that asks. */
export function checkNode(runners: readonly Runner[], version: string): Diagnosis[] {
  if (runners.length === 0) {
    return [
      broken(
        "services",
        "nothing of Trivet runs here with this config",
        "this node serves nobody",
        "systemctl status 'trivet-*', then journalctl -u the one that failed",
      ),
    ];
  }
  return runners.flatMap((runner) => [checkHealth(runner), checkVersion(runner, version)]);
}

function checkHealth({ mode, status }: Runner): Diagnosis {
  const { pid, complaints } = status;
  if (complaints.length === 0) return well(mode, `process ${pid} is well`);
  return broken(
    mode,
    `process ${pid}: ${complaints.join("; ")}`,
    "it gets no traffic, or less than it should",
    `journalctl -u 'trivet-${mode}*' -n 50`,
  );
}

function checkVersion({ mode, status }: Runner, version: string): Diagnosis {
  const name = `${mode} version`;
  if (status.version === version) return well(name, `is ${version}`);
  return advice(
    name,
    `${status.version} runs, this binary is ${version}`,
    "what was shipped does not serve yet",
    "trivet upgrade",
  );
}
