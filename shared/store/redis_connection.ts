import { Redis, type RedisOptions } from "ioredis";
import { UserError } from "../user_error.ts";
import { isSentinelUrl, placeOf, redisTarget } from "./redis_address.ts";
import { tellOfListeners } from "./redis_tracing.ts";
import { StoreError } from "./store_error.ts";

const CONNECT_WAIT_MS = 3_000;
const RECONNECT_MS = 50;
const RECONNECT_LONGEST_MS = 1_000;
const JITTER_MS = 100;
/** XPENDING … IDLE came with it. */
const OLDEST_VERSION = [6, 2] as const;

/**
 * A connection that comes back by itself until endConnection() ends it. Commands on their way when it is lost fail at
 * once.
 */
export function lastingConnection(url: string): Redis {
  const redis = connection(url, true, {
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: (attempt) =>
      Math.min(RECONNECT_LONGEST_MS, RECONNECT_MS * 2 ** Math.min(attempt - 1, 10)) +
      Math.random() * JITTER_MS,
    // A replica answers so after a fail-over: look for the primary again.
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
  });
  // Told of a fail-over while it looks for the primary, ioredis gives up for good.
  redis.on("end", () => {
    if (!ended.has(redis)) setTimeout(() => connectAgain(redis), RECONNECT_MS + Math.random() * JITTER_MS);
  });
  return redis;
}

/** Those that shall not come back. */
const ended = new WeakSet<Redis>();

export function endConnection(redis: Redis): void {
  ended.add(redis);
  redis.disconnect();
}

function connectAgain(redis: Redis): void {
  if (ended.has(redis) || redis.status !== "end") return;
  // "end" follows when this fails too.
  redis.connect().catch(() => undefined);
}

/** A connection that stays down once it is lost, so that nothing is repeated behind our back. */
export function singleConnection(url: string): Redis {
  return connection(url, false, { maxRetriesPerRequest: 0, retryStrategy: () => null });
}

/** Throws a UserError with one sentence when Redis can't be used now. */
export async function checkRedis(url: string): Promise<void> {
  const redis = singleConnection(url);
  try {
    await connectNow(redis);
    // ioredis does so when it connects, and stays in database 0 when that fails.
    if (redis.options.db) await redis.select(redis.options.db);
    const version = /^redis_version:(\S+)/m.exec(await redis.info("server"))?.[1] ?? "";
    if (isTooOld(version)) {
      throw new UserError(
        `Redis at ${placeOf(url)} is version ${version}: Trivet needs ${OLDEST_VERSION.join(".")} or newer`,
      );
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`can't use Redis at ${placeOf(url)}: ${reasonOf(url, error)}`, 1, { cause: error });
  } finally {
    redis.disconnect();
  }
}

/** What a caller is told about a failed command. */
export function redisError(url: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  return new StoreError(`Redis at ${placeOf(url)}: ${reasonOf(url, error)}`, true, { cause: error });
}

/** Redis answered with an error: the connection is sound. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === "ReplyError";
}

/** The connection was lost on the way, or Redis is about to be well: the same command may succeed soon. */
export function isPassing(error: unknown): boolean {
  if (error instanceof StoreError) return false;
  return !isReply(error) || /^(READONLY|LOADING|MASTERDOWN)/.test(error.message);
}

function connection(
  url: string,
  lasting: boolean,
  options: Pick<
    RedisOptions,
    "maxRetriesPerRequest" | "enableOfflineQueue" | "retryStrategy" | "reconnectOnError"
  >,
): Redis {
  tellOfListeners();
  const [target, own] = redisTarget(url, lasting);
  const all = {
    ...options,
    ...own,
    lazyConnect: true,
    connectTimeout: CONNECT_WAIT_MS,
    connectionName: `trivet-${process.pid}`,
    disableClientInfo: true,
  };
  const redis = target === undefined ? new Redis(all) : new Redis(target, all);
  // Each call rejects by itself; without a listener ioredis would print to the console.
  redis.on("error", (error: Error) => {
    lastErrors.set(redis, error);
  });
  return redis;
}

/** ioredis rejects a failed connect with "Connection is closed."; the reason comes as an event before. */
const lastErrors = new WeakMap<Redis, Error>();

/** Connects; rejects with the reason. */
export async function connectNow(redis: Redis): Promise<void> {
  try {
    await redis.connect();
  } catch (error) {
    throw lastErrors.get(redis) ?? error;
  }
}

/** Why a connection is down. */
export function lastFaultOf(redis: Redis): Error {
  return lastErrors.get(redis) ?? new Error("it can't be reached");
}

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldMajor, oldMinor] = OLDEST_VERSION;
  return major < oldMajor || (major === oldMajor && minor < oldMinor);
}

function reasonOf(url: string, error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? String(error.code) : "";
  const message = error.message;
  if (code === "ECONNREFUSED")
    return "the connection is refused: start Redis or set store.url to where it is";
  // How ioredis says that there is no connection at this moment.
  if (message.startsWith("Stream isn't writeable"))
    return "the connection is lost: start Redis or set store.url to where it is";
  // The same when it breaks with a command on its way.
  if (/^(Connection is closed|Reached the max retries)/.test(message)) return "the connection was lost";
  if (message.startsWith("All sentinels are unreachable"))
    return "no sentinel answers, or none knows that primary: check store.url";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "there is no host of that name: check store.url";
  if (code === "ETIMEDOUT" || message === "connect ETIMEDOUT")
    return "it does not answer: check store.url and the network";
  if (/^(NOAUTH|WRONGPASS)/.test(message)) return "it refuses the user or password in store.url";
  if (message.startsWith("ERR DB index"))
    return "it has no database of that number: change the one at the end of store.url";
  if (message.startsWith("READONLY"))
    return isSentinelUrl(url)
      ? "the primary has become a replica: the new one is looked for"
      : "it is a replica and refuses writes: set store.url to the primary";
  if (message.startsWith("OOM")) return "its memory is full (maxmemory): give it more or free some";
  if (message.startsWith("MISCONF")) return "it can't save to its disk and refuses writes: look into its log";
  return message;
}
