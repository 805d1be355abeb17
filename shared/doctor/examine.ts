import type { Config } from "../config/schema.ts";
import { ownStoreAddress } from "../store/main.ts";
import { checkCapacity } from "./capacity.ts";
import { checkClock, clockIsKept } from "./clock.ts";
import { demandOf, loadOf } from "./demand.ts";
import { type Diagnosis, ofFinding } from "./diagnosis.ts";
import { checkDisk, roomFor } from "./disk.ts";
import { type ReadText, readKernelLimits, readText } from "./kernel_limits.ts";
import { checkListenAddresses, listenAddresses, portsIn, type Roles } from "./ports.ts";
import { checkRedisStore } from "./redis_checks.ts";
import { checkReservedPorts, checkSysctls } from "./sysctl.ts";

export interface Examination {
  config: Config;
  dir: string;
  roles: Roles;
  cores: number;
  /** Instead of proxy.max_connections. */
  connections: number | undefined;
  /** A process whose limits count; this one when undefined, whose limits come from the shell. */
  pid: number | undefined;
  /** Trivet runs here already: its ports are taken by itself. */
  running: boolean;
}

/** Everything that would bite this config on this machine, in the order of a page. */
export async function examine(examination: Examination): Promise<Diagnosis[]> {
  const { config, roles, cores, connections, pid, running } = examination;
  const read = limitsOf(pid);
  const addresses = listenAddresses(config, roles);
  const demand = roles.proxy ? demandOf(config, loadOf(config, cores, connections)) : { descriptors: 1024 };
  return [
    ...checkCapacity(readKernelLimits(read), demand).map(ofFinding),
    ...checkSysctls(read),
    ...checkReservedPorts(read, portsIn(addresses)),
    ...(running ? [] : checkListenAddresses(addresses)),
    ...checkClock(clockIsKept()),
    ...(await checkFiles(examination)),
    ...(config.store.url.startsWith("redis") && usesStore(roles)
      ? await checkRedisStore(config.store.url, read)
      : []),
  ];
}

function usesStore({ serve, worker }: Roles): boolean {
  return serve || worker;
}

/** What is written to: the SQLite store, and the access log when it is a file. */
async function checkFiles({ config, dir, roles }: Examination): Promise<Diagnosis[]> {
  const store = ownStoreAddress({ config, dir });
  const log = config.proxy.access_log_to;
  return [
    ...(store.kind === "sqlite" && usesStore(roles)
      ? checkDisk(store.path, await roomFor(store.path), true)
      : []),
    ...(roles.proxy && log.startsWith("file:")
      ? checkDisk(log.slice(5), await roomFor(log.slice(5)), false)
      : []),
  ];
}

/** /proc as another process sees its own part of it. */
function limitsOf(pid: number | undefined): ReadText {
  return (path) => readText(pid === undefined ? path : path.replace("/proc/self/", `/proc/${pid}/`));
}
