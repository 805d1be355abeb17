/** [serve] of trivet.toml. */
import { Type } from "@sinclair/typebox";
import { format } from "./format.ts";
import { account, count, duration, folderOf, section, size, workers } from "./key_kind.ts";

export const ServeSection = section(
  {
    app: Type.String({ default: "app.ts", description: "the file whose default export has fetch()" }),
    folder: folderOf("app"),
    env_file: Type.String({
      default: "",
      description:
        'NAME=value lines for the environment of app and jobs, where it lacks the name; "": none, .env is not read unasked',
    }),
    listen: Type.Union(
      [
        Type.String({ format: format("address") }),
        Type.Array(Type.String({ format: format("address") }), { minItems: 1 }),
      ],
      {
        default: "127.0.0.1:3000",
        description: "one address or a list; every child listens on all",
      },
    ),
    workers: workers('app processes; "auto" is one a core'),
    backlog: count(
      1024,
      "connections that may wait for one process, listen(2); the kernel cuts it to net.core.somaxconn",
      1,
    ),
    request_timeout: duration("0", "from a request's head to the response's head; then 504; 0: no limit"),
    max_requests: count(0, "a child is replaced after so many requests; 0: never"),
    max_requests_jitter: Type.Number({
      default: 0.1,
      minimum: 0,
      maximum: 1,
      description: "max_requests of each child is more or less by up to this part of it",
    }),
    max_memory: size("0", "a child with more memory (RSS, as ps shows it) is replaced; 0: never"),
    max_age: duration("0", "a child that ran this long is replaced; 0: never"),
    keep_alive: duration(
      "75s",
      "a client connection without a request is closed after this, up to 8 s later; at most 4m; 0: never",
    ),
    boot_timeout: duration("60s", "a child that is not ready by then is started again"),
    hang_timeout: duration(
      "60s",
      "a child whose event loop is blocked this long is killed and started again; at least 2s; 0: never",
    ),
    watch: Type.Boolean({
      default: false,
      description: "for development: load code anew when a file of it is saved, in one process; as --watch",
    }),
    drain_timeout: duration("30s", "after TERM, requests still running then are cut"),
    pid_file: Type.String({
      default: "",
      description: 'where the supervisor writes its process number once it is ready; "": nowhere',
    }),
    user: account("user", "who runs your code, of app and jobs, when started as root"),
    group: account("group", "and its group"),
    shutdown_delay: duration(
      "0s",
      "on TERM, /healthz and /readyz answer 503 this long before listeners close",
    ),
  },
  "the app server",
);
