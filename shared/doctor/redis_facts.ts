import { placeOf } from "../store/redis_address.ts";
import { connectNow, singleConnection } from "../store/redis_connection.ts";

/** What a Redis says of itself. */
export interface RedisFacts {
  place: string;
  /** The fields of INFO. */
  info: ReadonlyMap<string, string>;
  /** CONFIG GET *; undefined when this user may not see it. */
  settings: ReadonlyMap<string, string> | undefined;
  /** Its clock minus ours. */
  apartMs: number;
}

/** Asks a Redis that can be used; rejects when the connection is lost. */
export async function readRedisFacts(url: string): Promise<RedisFacts> {
  const redis = singleConnection(url);
  try {
    await connectNow(redis);
    const info = fieldsOf(await redis.info());
    const settings = await redis.config("GET", "*").then(
      (answer) => pairsOf(answer as string[]),
      () => undefined,
    );
    const before = Date.now();
    const [seconds = 0, microseconds = 0] = (await redis.time()).map(Number);
    const middle = (before + Date.now()) / 2;
    return { place: placeOf(url), info, settings, apartMs: seconds * 1000 + microseconds / 1000 - middle };
  } finally {
    redis.disconnect();
  }
}

function fieldsOf(text: string): Map<string, string> {
  return new Map(
    text
      .split(/\r?\n/)
      .filter((line) => line.includes(":"))
      .map((line): [string, string] => [
        line.slice(0, line.indexOf(":")),
        line.slice(line.indexOf(":") + 1).trim(),
      ]),
  );
}

function pairsOf(flat: readonly string[]): Map<string, string> {
  const pairs = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.set(flat[i] ?? "", flat[i + 1] ?? "");
  return pairs;
}
