/**
 * Servers of node:http (Express, Koa, Fastify, Nest) as apps. Bun builds them on Bun.serve: http.Server.listen() gives it
 * options, as an app of Bun's own would. So a server that wants to listen gets a double of itself for each place of ours:
 * an object that has it as prototype, with its settings, and gives it all that happens.
 */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "bun";
import type { OpenServer } from "./listener.ts";
import type { NodeRequests, NodeRules } from "./node_requests.ts";

type BunServer = Server<unknown>;
type ServeFunction = (options: unknown) => unknown;

/** Of a double, and none of the app's business. */
const OWN_EVENTS = new Set(["listening", "close", "error"]);
/** A request under way is never cut for silence (Node cuts one that takes 5 minutes to arrive). */
const NO_LIMITS = { timeout: 0, requestTimeout: 0 };

/** What Bun.serve is given by http.Server.listen(). */
export interface NodeServerOptions {
  onNodeHTTPRequest: unknown;
  tls?: unknown;
  port?: unknown;
}

export function isNodeServer(options: unknown): options is NodeServerOptions {
  return typeof options === "object" && options !== null && "onNodeHTTPRequest" in options;
}

export class NodeApp {
  readonly #server: HttpServer;
  readonly #requests: NodeRequests;

  constructor(server: HttpServer, requests: NodeRequests) {
    this.#server = server;
    this.#requests = requests;
  }

  /** Opens a double of the app's server. `keepAliveMs`: 0 is never. */
  opener(rules: NodeRules, keepAliveMs: number): OpenServer {
    return (at) => {
      const double = this.#double(rules, keepAliveMs);
      const bun = Bun as unknown as { serve: ServeFunction };
      const before = bun.serve;
      const opened: { server?: BunServer; error?: unknown } = {};
      bun.serve = (options) => {
        try {
          opened.server = bunServe({ ...(options as object), port: undefined, hostname: undefined, ...at });
          return opened.server;
        } catch (error) {
          opened.error = error;
          throw error;
        }
      };
      try {
        // It tells what goes wrong as an event, later.
        double.listen(0);
      } finally {
        bun.serve = before;
      }
      if (!opened.server) throw opened.error;
      return opened.server;
    };
  }

  #double(rules: NodeRules, keepAliveMs: number): HttpServer {
    const emit = (event: string, ...given: unknown[]): boolean => {
      if (OWN_EVENTS.has(event)) return true;
      if (event === "request") {
        const [request, response] = given as [IncomingMessage, ServerResponse];
        return this.#requests.give(request, response, rules);
      }
      return this.#server.emit(event, ...given);
    };
    return Object.assign(Object.create(this.#server, { emit: { value: emit } }) as HttpServer, NO_LIMITS, {
      keepAliveTimeout: keepAliveMs,
      ...(rules.isPrivate && { headersTimeout: 0 }),
    });
  }
}

/** Kept, since serve_capture.ts puts its own in this place. */
const bunServe = Bun.serve as unknown as (options: object) => BunServer;
