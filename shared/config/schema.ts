/** The one description of trivet.toml: types, checks, defaults and the docs table come from here. */
import { type Static, type StaticDecode, Type } from "@sinclair/typebox";
import { parseDuration } from "./duration.ts";
import { format } from "./format.ts";
import { account, count, duration, folderOf, networks, section, size, workers } from "./key_kind.ts";
import { Route } from "./route_schema.ts";
import { ServeSection } from "./serve_schema.ts";

/** Of a server, in the file or by order. */
export const WEIGHT_MAX = 256;

const Listen = Type.Object(
  {
    address: Type.String({
      format: format("address"),
      description: 'where to accept connections, "host:port"',
    }),
  },
  { additionalProperties: false },
);

const Health = Type.Object(
  {
    path: Type.String({ default: "/healthz", pattern: "^/", description: "requested with GET" }),
    host: Type.String({ default: "localhost", description: "the Host field of the check" }),
    interval: duration("2s", "between two checks of one server"),
    timeout: duration("1s", "a check that takes longer has failed"),
    rise: count(2, "passed checks in a row that bring a server back", 1),
    fall: count(3, "failed checks in a row that take a server down", 1),
    expect: Type.String({
      default: "2xx,3xx",
      format: format("status-set"),
      description: "statuses that pass",
    }),
  },
  { additionalProperties: false },
);

const Passive = Type.Object(
  {
    errors: count(
      5,
      "failed attempts or 5xx answers in a row that take a server down until a check passes",
      1,
    ),
  },
  { additionalProperties: false },
);

/** Absent keys leave [proxy.timeouts] in force. */
const ownDuration = (description: string) =>
  Type.Optional(
    Type.Transform(Type.String({ description, format: format("duration") }))
      .Decode((text) => parseDuration(text))
      .Encode((ms) => `${ms}ms`),
  );

const BackendTimeouts = Type.Object(
  {
    connect: ownDuration("instead of proxy.timeouts.connect"),
    server: ownDuration("instead of proxy.timeouts.server"),
    queue: ownDuration("instead of proxy.timeouts.queue"),
  },
  { additionalProperties: false },
);

const Server = Type.Union([
  Type.String({ format: format("server"), description: '"host:port", "unix:PATH" or "serve:"' }),
  Type.Object(
    {
      address: Type.String({ format: format("server"), description: "as above" }),
      weight: Type.Integer({
        default: 1,
        minimum: 1,
        maximum: WEIGHT_MAX,
        description: "its share of the requests beside the others",
      }),
      max_connections: count(0, "requests at a time, over all data-plane processes; more wait; 0: no limit"),
    },
    { additionalProperties: false },
  ),
]);

const Backend = Type.Object(
  {
    servers: Type.Array(Server, {
      minItems: 1,
      description: "the members; requests go to those that are up",
    }),
    balance: Type.String({
      default: "round_robin",
      format: format("balance"),
      description: "who is next, each server by its weight; docs/balancing.md",
    }),
    retries: count(2, "further attempts on another server when a request can safely be sent again"),
    slow_start: duration("0", "a server that comes back gets its full weight only after this; 0: at once"),
    resolve: duration("5s", "DNS names of servers are looked up again this often"),
    health: Type.Optional(Health),
    passive: Type.Optional(Passive),
    timeouts: Type.Optional(BackendTimeouts),
  },
  // TypeBox fills in the entries of a Record only when they have a default of their own.
  { additionalProperties: false, default: {} },
);

const ProxySection = section(
  {
    workers: workers('data-plane processes; "auto" is one a core'),
    max_connections: count(
      0,
      "client connections a process; 0: until 64 descriptors are left. At the cap new ones wait in the kernel's queue",
    ),
    drain_timeout: duration("30s", "after TERM, what is still open then is closed, tunnels too"),
    user: account("user", "data-plane processes become this user once the addresses are bound"),
    group: account("group", "and this group"),
    shutdown_delay: duration("0s", "on TERM, health answers 503 this long before listeners close"),
    health: section(
      {
        path: Type.String({
          default: "",
          pattern: "^(/.*)?$",
          description: 'answered by the edge itself on every host with 200 "OK", not logged; "": none',
        }),
        fail_when_below: count(0, "503 when fewer servers are up, over all backends"),
      },
      "whether a balancer in front of the edge should send requests here",
    ),
    access_log: Type.Union([Type.Literal("json"), Type.Literal("haproxy"), Type.Literal("off")], {
      default: "json",
      description: "one line an exchange; as HAProxy's httplog, or none",
    }),
    access_log_to: Type.String({
      default: "stdout",
      format: format("log-target"),
      description: '"stdout", "file:PATH" (opened anew on USR1) or "syslog:FACILITY" by /dev/log',
    }),
    log_null_connections: Type.Boolean({
      default: false,
      description: "a line also for connections that close without a byte",
    }),
    listen: Type.Array(Listen, {
      default: [{ address: "0.0.0.0:8080" }],
      description: "addresses of the edge",
    }),
    trusted_proxies: networks("CIDRs whose X-Forwarded-* is believed"),
    timeouts: section(
      {
        connect: duration("5s", "to open a connection to a server"),
        client: duration("50s", "silence of the client while we wait for it"),
        server: duration("50s", "silence of the server while we wait for it"),
        request_head: duration("10s", "wall clock for a whole request head; then 408"),
        keep_alive: duration("60s", "an idle client connection is closed after this"),
        queue: duration("5s", "for a server with room, when all have max_connections; then 503"),
        tunnel: duration("1h", "silence in an upgraded connection or an event stream"),
      },
      "deadlines of the edge",
    ),
    limits: section(
      {
        head: size("16KiB", "a larger request head gets 431"),
        headers: count(100, "more fields get 431", 1),
        target: size("8KiB", "a longer request target gets 414"),
        body: size("0", "a larger request body gets 413; 0: no limit"),
      },
      "sizes of what clients send",
    ),
    route: Type.Array(Route, { default: [], description: "none: everything goes to serve:" }),
  },
  "the edge",
);

const Queue = Type.Object(
  {
    name: Type.String({ format: format("queue"), description: "letters, digits, - and _" }),
    weight: Type.Integer({
      default: 1,
      minimum: 1,
      maximum: 1000,
      description: "its share of the fetches beside the others, when all have jobs",
    }),
    concurrency: count(0, "jobs of it that run at a time, over all workers of the store; 0: no limit"),
    rate: Type.Optional(
      Type.Object(
        {
          jobs: Type.Integer({ minimum: 1, description: "at most so many begin in any stretch of the time" }),
          per: duration("1s", "the time for so many; at most 30d"),
        },
        { additionalProperties: false, description: "how many may begin in a time, over all workers" },
      ),
    ),
  },
  { additionalProperties: false },
);

const Cron = Type.Object(
  {
    name: Type.String({ format: format("queue"), description: "unique; what it did is remembered by it" }),
    schedule: Type.String({
      format: format("cron"),
      description: '"minute hour day month weekday", or six fields with seconds first',
    }),
    timezone: Type.String({
      default: "UTC",
      format: format("time-zone"),
      description: "whose clock the schedule is read on",
    }),
    type: Type.String({ minLength: 1, description: "the job's type" }),
    payload: Type.Object(
      {},
      { default: {}, additionalProperties: true, description: "what its handler gets" },
    ),
    queue: Type.Optional(
      Type.String({ format: format("queue"), description: "its queue; absent: its handler's, else default" }),
    ),
    catch_up: Type.Union([Type.Literal("one"), Type.Literal("skip"), Type.Literal("all")], {
      default: "one",
      description:
        "times that passed while no worker ran: enqueue the last of them, none, or all (up to 100)",
    }),
  },
  { additionalProperties: false },
);

const WorkerSection = section(
  {
    handlers: Type.String({
      default: "jobs.ts",
      description: "the file whose default export is defineJobs({…})",
    }),
    folder: folderOf("handlers file"),
    processes: count(1, "worker processes", 1),
    concurrency: count(10, "jobs at a time in one process", 1),
    batch: count(10, "jobs fetched at a time", 1),
    block: duration("20s", "how long a fetch waits for a job; at least 100ms"),
    lease: duration("30s", "a job whose worker is silent this long is given to another; at least 1s"),
    shutdown_timeout: duration("25s", "after TERM, jobs still running then go back to the queue"),
    unknown_type_wait: duration(
      "1h",
      "so long a job whose type has no handler here waits for a worker that knows it, then it is dead; 0: not at all",
    ),
    queues: Type.Array(Queue, {
      default: [{ name: "default" }],
      minItems: 1,
      description: "queues this worker takes jobs from",
    }),
    cron: Type.Array(Cron, {
      default: [],
      description: "jobs that are enqueued by the clock; any worker does it, once for all",
    }),
  },
  "the job workers",
);

export const ConfigSchema = section(
  {
    store: section(
      {
        url: Type.String({
          default: "sqlite:./trivet.db",
          format: format("store-url"),
          description:
            '"sqlite:PATH", "redis://…", "rediss://…", or "redis+sentinel://HOST,HOST/NAME" to ask sentinels for the primary',
        }),
        prefix: Type.String({
          default: "trivet",
          format: format("key-prefix"),
          description:
            "what all keys in Redis begin with: sites that share a Redis need one each; letters, digits, and _ . : -",
        }),
      },
      "jobs; later sessions and cache",
    ),
    proxy: ProxySection,
    backend: Type.Record(Type.String({ pattern: "^[A-Za-z0-9_-]+$" }), Backend, {
      default: {},
      description: "named groups of servers",
    }),
    serve: ServeSection,
    worker: WorkerSection,
    database: section(
      {
        primary: Type.String({
          default: "",
          pattern: "^(postgres(ql)?://.+)?$",
          description:
            '"postgres://user:password@host/name" of the app: workers relay the jobs of jobs.enqueueIn from there; "": none',
        }),
      },
      "PostgreSQL",
    ),
    admin: section(
      {
        dir: Type.String({
          default: "/run/trivet",
          description: "the admin sockets; ./.trivet when it cannot be made",
        }),
        http: Type.String({
          default: "127.0.0.1:9900",
          format: format("address-or-empty"),
          description:
            'metrics, status and health: proxy and up here, serve on the next port, worker on the one after; "": off',
        }),
        hosts: Type.Array(Type.String({ format: format("host") }), {
          default: [],
          description:
            "names that it answers to, beside localhost and loopback addresses: those of a proxy in front",
        }),
      },
      "how to look inside",
    ),
  },
  "trivet.toml",
);

/** A checked configuration: defaults filled in, durations in milliseconds, sizes in bytes, paths absolute. */
export type Config = StaticDecode<typeof ConfigSchema>;
/** The same before decoding: what a file may say. */
export type ConfigText = Static<typeof ConfigSchema>;
export type ProxyConfig = Config["proxy"];
export type RouteConfig = ProxyConfig["route"][number];
export type BackendConfig = Config["backend"][string];
export type HealthConfig = NonNullable<BackendConfig["health"]>;
export type ServeConfig = Config["serve"];
export type WorkerConfig = Config["worker"];
export type QueueConfig = WorkerConfig["queues"][number];
export type CronConfig = WorkerConfig["cron"][number];
