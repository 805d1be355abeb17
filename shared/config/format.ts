/** The kinds of text that trivet.toml knows beyond TOML's own, each with the words for a reader and its check. */
import { isIP, isIPv4, isIPv6 } from "node:net";
import { FormatRegistry } from "@sinclair/typebox";
import { Cron } from "croner";
import { isFacility } from "../syslog_facility.ts";
import { parseDuration } from "./duration.ts";
import { parseSize } from "./size.ts";

export interface Format {
  /** As the documentation calls it. */
  name: string;
  /** Fits after "must be". */
  words: string;
  accepts(text: string): boolean;
}

const HOST_LABELS = "[A-Za-z0-9_](?:[A-Za-z0-9_-]*)(?:\\.[A-Za-z0-9_-]+)*\\.?";
const HOST = new RegExp(`^${HOST_LABELS}$`);
const HOST_PATTERN = new RegExp(`^(?:\\*\\.)?${HOST_LABELS}$`);
const STATUSES = "[1-5](?:xx|\\d\\d)(?:-[1-5](?:xx|\\d\\d))?";
const STATUS_SET = new RegExp(`^${STATUSES}(?: *, *${STATUSES})*$`);
const STORE_URL =
  /^sqlite:.+|^rediss?:\/\/[^\s/?#]+(\/\d*)?(\?\S*)?$|^redis\+sentinel:\/\/[^\s/]+\/[^\s/]+(\/\d+)?$/s;
/** NAME is a token (RFC 9110 §5.6.2). */
const BALANCE =
  /^(round_robin|least_connections|random_two|hash:ip|hash:(header|cookie):[A-Za-z0-9!#$%&'*+.^_`|~-]+)$/;
/** Only visible characters of URIs (RFC 3986 §2): nothing in it can end the Location field. */
const URI_REST = "[A-Za-z0-9._~:/?#[\\]@!$&'()*+,;=%-]*";
const REDIRECT = new RegExp(
  `^(?:https?://(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(?::\\d{1,5})?(?:[/?#]${URI_REST})?|/(?!/)${URI_REST})$`,
);
/** A token (RFC 9110 §9.1). CONNECT is never passed on: this is no forward proxy. */
const METHOD = /^(?!connect$)[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/i;
/** No control characters, no blanks at its ends (RFC 9110 §5.5). */
const FIELD_VALUE = /^(?![\t ])[\t -~\u0080-\u{10ffff}]{0,8192}(?<![\t ])$/u;
const QUEUE = /^[A-Za-z0-9_-]{1,64}$/;
/** No brace: behind it stands the hash tag of a queue. */
const KEY_PREFIX = /^[A-Za-z0-9_.:-]{1,64}$/;

const FORMATS = {
  duration: {
    name: "duration",
    words: 'a time like "250ms", "5s" or "1m"',
    accepts: (text) => parses(parseDuration, text),
  },
  size: { name: "size", words: 'a size like "16KiB" or "10MiB"', accepts: (text) => parses(parseSize, text) },
  address: {
    name: "address",
    words: 'an address of this machine like "127.0.0.1:8080" or "[::1]:8080"',
    accepts: isListenAddress,
  },
  "address-or-empty": {
    name: 'address or ""',
    words: 'an address of this machine like "127.0.0.1:9900", or "" for none',
    accepts: (text) => text === "" || isListenAddress(text),
  },
  "host-pattern": {
    name: "host",
    words: 'a host name like "example.com" or "*.example.com", without a port',
    accepts: isHostPattern,
  },
  host: {
    name: "host",
    words: 'a host name like "metrics.example.com", without a port',
    accepts: (text) => isHostPattern(text) && !text.startsWith("*"),
  },
  server: {
    name: "server",
    words: 'a server like "192.168.1.10:8080", "unix:/run/app.sock" or "serve:"',
    accepts: isServer,
  },
  balance: {
    name: "balance",
    words:
      'one of "round_robin", "least_connections", "random_two", "hash:ip", "hash:header:NAME", "hash:cookie:NAME"',
    accepts: (text) => BALANCE.test(text),
  },
  "store-url": {
    name: "store",
    words: 'a store like "sqlite:./trivet.db", "redis://127.0.0.1:6379/0" or "redis+sentinel://h1,h2/name"',
    accepts: isStoreUrl,
  },
  "key-prefix": {
    name: "prefix",
    words: "1 to 64 letters, digits, and _ . : -",
    accepts: (text) => KEY_PREFIX.test(text),
  },
  cidr: { name: "CIDR", words: 'a network like "10.0.0.0/8" or "fd00::/8"', accepts: isCidr },
  "log-target": {
    name: "log target",
    words: '"stdout", "file:PATH" or "syslog:FACILITY" with a facility like "local0"',
    accepts: isLogTarget,
  },
  "status-set": {
    name: "statuses",
    words: 'statuses like "2xx,3xx" or "200,204-206"',
    accepts: (text) => STATUS_SET.test(text),
  },
  cron: {
    name: "schedule",
    words: 'a schedule like "0 3 * * *" (minute hour day month weekday)',
    accepts: isSchedule,
  },
  "time-zone": {
    name: "time zone",
    words: 'a time zone like "UTC" or "Europe/Berlin"',
    accepts: isTimeZone,
  },
  redirect: {
    name: "address or path",
    words: 'an address like "https://example.com" or a path like "/new", as it stands in a URL',
    accepts: (text) => REDIRECT.test(text),
  },
  method: {
    name: "method",
    words: 'a method like "GET", other than CONNECT',
    accepts: (text) => METHOD.test(text),
  },
  "field-value": {
    name: "text",
    words: "text without control characters and without blanks at its ends, up to 8192 characters",
    accepts: (text) => FIELD_VALUE.test(text),
  },
  queue: {
    name: "name",
    words: "a name of up to 64 letters, digits, - and _",
    accepts: (text) => QUEUE.test(text),
  },
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;

const PREFIX = "trivet-";

// Prefixed: the registry is global, and a user's app may use a "duration" of its own.
for (const [name, { accepts }] of Object.entries(FORMATS)) FormatRegistry.Set(PREFIX + name, accepts);

/** What a schema says in its `format`. */
export function format(name: FormatName): string {
  return PREFIX + name;
}

/** The format that a schema names; undefined when it names none of ours. */
export function formatNamed(name: unknown): Format | undefined {
  return Object.entries(FORMATS).find(([known]) => PREFIX + known === name)?.[1];
}

function parses(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function splitPort(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) return undefined;
  if (match[1] !== undefined && !isIPv6(match[1])) return undefined;
  return { host: match[1] ?? match[2] ?? "", port };
}

function isSchedule(text: string): boolean {
  try {
    return new Cron(text, { paused: true }).nextRun() !== null;
  } catch {
    // It throws for what it can't read, in words of its own.
    return false;
  }
}

function isTimeZone(text: string): boolean {
  return parses((timeZone) => new Intl.DateTimeFormat("en", { timeZone }), text);
}

function isListenAddress(text: string): boolean {
  const address = splitPort(text);
  return (
    address !== undefined && (address.host === "" || address.host === "localhost" || isIP(address.host) !== 0)
  );
}

function isStoreUrl(text: string): boolean {
  return (
    STORE_URL.test(text) &&
    ((!text.startsWith("redis:") && !text.startsWith("rediss:")) || URL.canParse(text))
  );
}

function isServer(text: string): boolean {
  if (text === "serve:" || /^unix:.+/s.test(text)) return true;
  const address = splitPort(text);
  return address !== undefined && address.port > 0 && (isIP(address.host) !== 0 || HOST.test(address.host));
}

function isLogTarget(text: string): boolean {
  if (text.startsWith("syslog:")) return isFacility(text.slice("syslog:".length));
  return text === "stdout" || /^file:.+/s.test(text);
}

function isHostPattern(text: string): boolean {
  return HOST_PATTERN.test(text) || (/^\[.*\]$/.test(text) && isIPv6(text.slice(1, -1)));
}

function isCidr(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  if (rest.length > 0 || isIP(address) === 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (isIPv4(address) ? 32 : 128));
}
