import { checkClockApart } from "./clock.ts";
import { advice, broken, type Diagnosis, well } from "./diagnosis.ts";
import type { RedisFacts } from "./redis_facts.ts";

const MIB = 1024 ** 2;
const FULL = 0.9;
const CLIENTS_SPARE = 100;

type Settings = ReadonlyMap<string, string>;

/** Whether a Redis that holds jobs keeps them: over a restart, a full memory, a crash. */
export function checkRedisKeepsJobs(facts: RedisFacts): Diagnosis[] {
  const { place, info, settings, apartMs } = facts;
  return [
    ...(settings
      ? [checkEviction(settings), ...checkPersistence(settings), ...checkClients(settings, info)]
      : [unseen(place)]),
    ...checkMemory(info),
    ...checkWrites(info),
    checkRole(info),
    checkClockApart(`Redis at ${place}`, apartMs),
  ];
}

function unseen(place: string): Diagnosis {
  return advice(
    "Redis settings",
    `this user may not see the settings of ${place} (CONFIG GET)`,
    "whether jobs outlive a restart or a full memory can't be told from here",
    "look there yourself: maxmemory-policy noeviction, appendonly yes",
  );
}

function checkEviction(settings: Settings): Diagnosis {
  const name = "Redis eviction";
  const policy = settings.get("maxmemory-policy") ?? "";
  if (policy === "noeviction") return well(name, "maxmemory-policy is noeviction");
  return broken(
    name,
    `maxmemory-policy is ${policy}`,
    "when its memory is full, Redis deletes jobs without a word",
    "redis-cli CONFIG SET maxmemory-policy noeviction, and the same in redis.conf; a cache needs a Redis of its own",
  );
}

function checkPersistence(settings: Settings): Diagnosis[] {
  const name = "Redis persistence";
  const fsync = settings.get("appendfsync") ?? "";
  const change = "redis-cli CONFIG SET appendonly yes, and the same in redis.conf";
  if (settings.get("appendonly") !== "yes") {
    return [
      settings.get("save")
        ? broken(
            name,
            `only snapshots (save ${settings.get("save")})`,
            "a crash loses the jobs since the last one",
            change,
          )
        : broken(name, "neither appendonly nor save is set", "a restart loses all jobs", change),
    ];
  }
  if (fsync !== "no") return [well(name, `appendonly, fsync ${fsync}`)];
  return [
    advice(
      name,
      "appendonly, fsync no",
      "when the machine loses power, jobs of the last half minute are lost",
      "redis-cli CONFIG SET appendfsync everysec, and the same in redis.conf",
    ),
  ];
}

function checkClients(settings: Settings, info: Settings): Diagnosis[] {
  const name = "Redis clients";
  const max = Number(settings.get("maxclients"));
  const now = Number(info.get("connected_clients"));
  if (!(max > 0)) return [];
  const saw = `${now} of ${max} connections are in use`;
  if (max - now >= CLIENTS_SPARE) return [well(name, saw)];
  const change = `redis-cli CONFIG SET maxclients ${Math.max(10_000, max * 2)}, and the same in redis.conf`;
  return [advice(name, saw, "beyond them Redis refuses apps and workers", change)];
}

function checkMemory(info: Settings): Diagnosis[] {
  const name = "Redis memory";
  const used = Number(info.get("used_memory"));
  const max = Number(info.get("maxmemory"));
  const mib = (bytes: number) => `${Math.ceil(bytes / MIB)} MiB`;
  if (!(max > 0)) {
    return [
      advice(
        name,
        `${mib(used)} in use, no limit`,
        "when jobs pile up, the kernel kills Redis; with a limit it refuses new ones and keeps the old",
        "redis-cli CONFIG SET maxmemory to about 60 % of the machine's, and the same in redis.conf",
      ),
    ];
  }
  const saw = `${mib(used)} of ${mib(max)} in use`;
  if (used < max * FULL) return [well(name, saw)];
  const change = "give it more (maxmemory), start more workers, or see trivet jobs dead for what can go";
  return [(used < max ? advice : broken)(name, saw, "when it is full, enqueueing fails", change)];
}

function checkWrites(info: Settings): Diagnosis[] {
  const failing = [
    ["aof_last_write_status", "its last write to the log failed"],
    ["aof_last_bgrewrite_status", "its last rewriting of the log failed"],
    ["rdb_last_bgsave_status", "its last snapshot failed"],
  ].filter(([field = ""]) => info.get(field) === "err");
  return failing.map(([, saw = ""]) =>
    broken(
      "Redis disk",
      saw,
      "it refuses writes, or loses them at the next restart",
      "look into its log; most often the disk is full or the folder is not writable",
    ),
  );
}

function checkRole(info: Settings): Diagnosis {
  const name = "Redis role";
  if (info.get("role") === "master") return well(name, "is the primary");
  return broken(
    name,
    `is a replica of ${info.get("master_host")}:${info.get("master_port")}`,
    "a replica refuses writes: no job can be enqueued",
    "set store.url to the primary",
  );
}
