/** What store.url says about where Redis is. */
import type { RedisOptions } from "ioredis";

const SENTINEL = "redis+sentinel://";
const SENTINEL_PORT = 26_379;

/** How often all sentinels are asked again when none knows the primary. */
const SENTINEL_RETRY_MS = 250;

type TargetOptions = Pick<
  RedisOptions,
  "sentinels" | "name" | "db" | "username" | "password" | "sentinelRetryStrategy" | "failoverDetector"
>;

/** Whether sentinels are asked where Redis is. */
export function isSentinelUrl(url: string): boolean {
  return url.startsWith(SENTINEL);
}

/** Host and port, or the sentinels and their name for the primary: a URL may hold a password. */
export function placeOf(url: string): string {
  if (isSentinelUrl(url)) {
    const { hosts, name } = readSentinelUrl(url);
    return `${hosts.map(({ host, port }) => `${host}:${port}`).join(",")}/${name}`;
  }
  const { hostname, port } = new URL(url);
  return `${hostname || "localhost"}:${port || "6379"}`;
}

/** What ioredis takes: a URL of its own, or options. */
export function redisTarget(
  url: string,
  lasting: boolean,
): [url: string | undefined, options: TargetOptions] {
  if (!isSentinelUrl(url)) return [url, {}];
  const { hosts, name, username, password, db } = readSentinelUrl(url);
  return [
    undefined,
    {
      sentinels: hosts,
      name,
      db,
      ...(username && { username }),
      ...(password && { password }),
      sentinelRetryStrategy: lasting ? () => SENTINEL_RETRY_MS : () => null,
      // Told by a sentinel, it leaves the old primary at once (redis.io/docs, Sentinel, Pub/Sub messages).
      failoverDetector: lasting,
    },
  ];
}

/** "redis+sentinel://user:password@host,host:port/name/db": user, password and db are Redis's own. */
function readSentinelUrl(url: string) {
  const rest = url.slice(SENTINEL.length);
  const at = rest.lastIndexOf("@");
  const [username = "", password = ""] = at < 0 ? [] : rest.slice(0, at).split(":").map(decodeURIComponent);
  const [list = "", name = "", db = "0"] = rest.slice(at + 1).split("/");
  const hosts = list.split(",").map((place) => {
    const [, host = place, port] = /^(.*?)(?::(\d+))?$/.exec(place) ?? [];
    return { host, port: Number(port ?? SENTINEL_PORT) };
  });
  return { hosts, name, db: Number(db), username, password };
}
