/** Answers of our own: refusals and failures, as short plain text that says which. */
import type { Ending, Exchange } from "./exchange_state.ts";
import { octets } from "./http/octets.ts";
import { answerBytes, type ConnectionOption, type RouteAnswer } from "./route_answer.ts";
import { send } from "./send.ts";

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

const RETRY_AFTER_S = 1;
const SLASH = octets("/");
const ASTERISK = 42;

/** What the client reads under the status line. */
const EXPLANATIONS: Partial<Record<Ending, string>> = {
  connect_failed: "the server refused the connection",
  connect_timeout: "the server did not accept the connection in time",
  server_timeout: "the server did not answer in time",
  server_closed: "the server closed the connection before it answered",
  server_reset: "the server reset the connection before it answered",
  bad_response: "the server's answer was not valid HTTP",
  no_server: "no server is up",
  drain_deadline: "the proxy is shutting down",
  health: "not ready for requests",
  queue_timeout: "no server had room in time",
  queue_full: "too many requests wait for a server",
  client_timeout: "the request did not arrive in time",
};

/** The status that tells a client how its exchange failed. */
export function statusOf(ending: Ending): number {
  switch (ending) {
    case "no_server":
    case "drain_deadline":
    case "queue_timeout":
    case "queue_full":
      return 503;
    case "connect_timeout":
    case "server_timeout":
      return 504;
    case "client_timeout":
      return 408;
    default:
      return 502;
  }
}

/** Sends a whole response; the connection stays open only when the exchange is not closing. `fields`: whole lines. */
export function reply(
  exchange: Exchange,
  status: number,
  ending: Ending,
  fields: readonly string[] = [],
): void {
  const reason = REASONS[status] ?? "Error";
  const body =
    ending === "health" && status === 200
      ? "OK"
      : `${status} ${reason}: ${EXPLANATIONS[ending] ?? reason.toLowerCase()}\n`;
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${body.length}`,
    "Cache-Control: no-store",
    ...(status === 503 ? [`Retry-After: ${RETRY_AFTER_S}`] : []),
    ...fields,
    "",
  ];
  const end = `${connectionOption(exchange)}\r\n${exchange.isHead ? "" : body}`;
  sendOwn(exchange, status, Buffer.from(head.join("\r\n") + end, "latin1"));
}

/** The answer that the exchange's route gives. */
export function replyByRule(exchange: Exchange, answer: RouteAnswer): void {
  const option = connectionOption(exchange);
  sendOwn(exchange, answer.status, answerBytes(answer, keptTarget(exchange), option, exchange.isHead));
}

/** What of the request's target a redirect keeps, from the first "/" on. */
function keptTarget({ bytes, request, reading, route }: Exchange): Buffer {
  const target = reading?.target ?? bytes.subarray(request.pathStart, request.targetEnd);
  const prefix = route?.rules?.prefix;
  if (prefix) return Buffer.concat([SLASH, target.subarray(prefix.restOf(target, 0, target.length))]);
  if (target[0] === SLASH[0]) return target;
  // "*", or an absolute-form without a path.
  return target[0] === ASTERISK ? SLASH : Buffer.concat([SLASH, target]);
}

function connectionOption({ closing, request }: Exchange): ConnectionOption {
  if (closing) return "Connection: close\r\n";
  return request.minor === 0 ? "Connection: keep-alive\r\n" : "";
}

function sendOwn(exchange: Exchange, status: number, bytes: Buffer): void {
  exchange.status = status;
  exchange.answered = true;
  exchange.responseBytes += bytes.length;
  send(exchange.session, bytes, 0, bytes.length, false);
}
