import type { Server as HttpServer } from "node:http";
import { UserError } from "../../shared/user_error.ts";
import { readAppOptions } from "./app_options.ts";
import { isNodeServer, type NodeServerOptions } from "./node_app.ts";
import type { ServerGroup } from "./server_group.ts";

type ServeFunction = (options: unknown) => unknown;
type Emit = (event: string, ...given: unknown[]) => boolean;

/**
 * The first Bun.serve of the user's code (Elysia's listen() calls it too) opens our listeners instead of its own, and so
 * does the first listen() of a server of node:http: where to listen is trivet.toml's.
 */
export function captureServe(group: ServerGroup): void {
  const bun = Bun as unknown as { serve: ServeFunction };
  const original = bun.serve;
  let nodePort: unknown;
  bun.serve = (given) => {
    if (isNodeServer(given)) {
      // Fastify listens on "localhost" twice, for IPv4 and IPv6.
      if (group.listening && given.port !== nodePort) return original(given);
      nodePort = given.port;
      throw divert(given, group);
    }
    const app = readAppOptions(given);
    if (group.listening || !app) return original(given);
    group.listen(app);
    return group.server;
  };
}

/**
 * Thrown out of its listen(), to be told to the server itself as an "error" event: only so do we learn which one it is.
 * Patched is what is loaded by now: node:http costs 5 ms and 8 MB, which other apps need not pay.
 */
function divert({ tls }: NodeServerOptions, group: ServerGroup): Error {
  const { Server } = require("node:http") as typeof import("node:http");
  const prototype = Server.prototype as unknown as { emit: Emit };
  const inherited = prototype.emit;
  const diverted = new Error("this server listens where trivet.toml says");
  Object.defineProperty(prototype, "emit", {
    configurable: true,
    value(this: HttpServer, event: string, ...given: unknown[]): boolean {
      if (event !== "error" || given[0] !== diverted)
        return Reflect.apply(inherited, this, [event, ...given]);
      Reflect.deleteProperty(prototype, "emit");
      if (tls) group.refuse(new UserError(TLS));
      else group.listenNode(this);
      return true;
    },
  });
  return diverted;
}

const TLS =
  "the app's server of node:https can't be run here, since TLS is the edge's to end: make it a server of node:http";
