/** What we do with each request of a server of node:http before, and instead of, the app. */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { RequestDeadline } from "./request_deadline.ts";
import { CLIENT_FIELD, HEALTH_PATHS } from "./request_handlers.ts";

/** Of a place, asked at each request. */
export interface NodeRules {
  /** Only our edge comes here. */
  isPrivate: boolean;
  /** Whoever is connected shall go. */
  departing(): boolean;
  /** The whole app server leaves. */
  unhealthy(): boolean;
}

export class NodeRequests {
  readonly #server: HttpServer;
  readonly #seen: () => void;
  readonly #deadline: RequestDeadline;

  constructor(server: HttpServer, seen: () => void, deadline: RequestDeadline) {
    this.#server = server;
    this.#seen = seen;
    this.#deadline = deadline;
  }

  /** Whether anybody heard, as of EventEmitter.emit. */
  give(request: IncomingMessage, response: ServerResponse, rules: NodeRules): boolean {
    this.#seen();
    if (rules.isPrivate) tellClient(request);
    if (rules.departing()) response.setHeader("connection", "close");
    if (HEALTH_PATHS.includes(pathOf(request))) {
      if (rules.unhealthy()) {
        response.writeHead(503, { connection: "close" }).end("leaving");
        return true;
      }
      healthyWhereMissing(response);
    }
    this.#limit(request, response);
    return this.#server.emit("request", request, response);
  }

  #limit(request: IncomingMessage, response: ServerResponse): void {
    const { method = "GET" } = request;
    const done = this.#deadline.begin({ method, path: pathOf(request) }, () => {
      if (response.headersSent) return false;
      response.writeHead(504, { connection: "close" }).end("Gateway Timeout");
      deafen(response);
      return true;
    });
    response.once("close", done);
  }
}

function pathOf({ url = "/" }: IncomingMessage): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

/** A unix socket has no address: the client's is what the edge says. */
function tellClient({ socket, headers }: IncomingMessage): void {
  const said = headers[CLIENT_FIELD];
  Object.defineProperty(socket, "remoteAddress", {
    configurable: true,
    value: typeof said === "string" ? said : undefined,
  });
}

/** Has the app answer, and puts "ok" in the place of a 404. */
function healthyWhereMissing(response: ServerResponse): void {
  const { writeHead, write, end } = response;
  let missing = false;
  const head = (status: number, ...rest: unknown[]): ServerResponse => {
    if (status !== 404) return Reflect.apply(writeHead, response, [status, ...rest]) as ServerResponse;
    missing = true;
    for (const name of response.getHeaderNames()) if (name !== "connection") response.removeHeader(name);
    return Reflect.apply(writeHead, response, [200, { "content-type": "text/plain" }]) as ServerResponse;
  };
  const begin = () => {
    if (!response.headersSent) head(response.statusCode);
  };
  Object.assign(response, {
    writeHead: head,
    write(...given: unknown[]): boolean {
      begin();
      return missing || (Reflect.apply(write, response, given) as boolean);
    },
    end(...given: unknown[]): ServerResponse {
      begin();
      return Reflect.apply(end, response, missing ? ["ok"] : given) as ServerResponse;
    },
  });
}

/** What the app still says is thrown away: that it is too late must be no error in its code. */
function deafen(response: ServerResponse): void {
  const same = () => response;
  Object.assign(response, {
    ...{ setHeader: same, appendHeader: same, removeHeader: same, writeHead: same, flushHeaders: same },
    ...{ write: () => true, end: same },
  });
}
