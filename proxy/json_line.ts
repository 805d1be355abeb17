/** One exchange as a line of JSON. Built by hand: a serializer would cost more than the rest of its bookkeeping. */
import type { Ending, Exchange } from "./exchange_state.ts";
import { escapeJson, jsonText } from "./log_text.ts";
import { timersOf } from "./timers.ts";

// Together with the fields of known length a line stays below what a pipe takes at once (PIPE_BUF, 4096).
const TARGET_CHARS_MAX = 2048;
const HOST_CHARS_MAX = 256;
const METHOD_CHARS_MAX = 64;
const NAME_CHARS_MAX = 128;
const USER_AGENT_CHARS_MAX = 384;
const REFERER_CHARS_MAX = 512;
const NAMES_MAX = 4096;

const CENTS = Array.from({ length: 100 }, (_, n) => (n === 0 ? "" : `.${String(n).padStart(2, "0")}`));
const CR = 13;
const SP = 32;
const TAB = 9;

/** Names of the config, as they stand in a line. */
const names = new Map<string, string>();

/** `time`: when the exchange ended. */
export function jsonLine(
  exchange: Exchange,
  ending: Ending,
  durationMs: number,
  time: string,
  id: string,
): string {
  const { session, route, server, status, attempts, responseBytes, requestBody } = exchange;
  const { head, queue, connect, response, active } = timersOf(exchange, durationMs);
  const requestId = exchange.claimedId ? escapeJson(exchange.claimedId, NAME_CHARS_MAX) : id;
  const who = route
    ? `,"backend":"${nameOf(route.backend.name)}","server":${server ? `"${nameOf(server.address)}"` : "null"},"retries":${attempts > 1 ? attempts - 1 : 0}${exchange.redispatched ? ',"redispatched":true' : ""}`
    : "";
  return (
    `{"time":"${time}Z","id":"${requestId}","client":"${exchange.claimedClient || session.peer.address}","port":${session.port}` +
    `${exchange.unreadable ? "" : requestOf(exchange)},"status":${status},"ended":"${ending}","state":"${exchange.state(ending)}"` +
    `,"ms":${ms(active)},"head_ms":${ms(head)},"queue_ms":${ms(queue)},"connect_ms":${ms(connect)},"response_ms":${ms(response)}` +
    `,"bytes_in":${requestBody.bytes},"bytes_out":${responseBytes}${who}}\n`
  );
}

function requestOf({ bytes, request }: Exchange): string {
  const method = jsonText(bytes, request.start, request.methodEnd, METHOD_CHARS_MAX);
  const host = jsonText(bytes, request.hostStart, request.hostNameEnd, HOST_CHARS_MAX);
  const target = jsonText(bytes, request.pathStart, request.targetEnd, TARGET_CHARS_MAX);
  const agent = request.userAgent > 0 ? fieldOf(bytes, request.userAgent, USER_AGENT_CHARS_MAX) : "";
  const referer = request.referer > 0 ? fieldOf(bytes, request.referer, REFERER_CHARS_MAX) : "";
  return (
    `,"method":"${method}","host":"${host}","target":"${target}","protocol":"HTTP/1.${request.minor}"` +
    `${agent && `,"user_agent":"${agent}"`}${referer && `,"referer":"${referer}"`}`
  );
}

/** The field value that begins at bytes[from]; the head was read, so that a CR ends it. */
function fieldOf(bytes: Buffer, from: number, charsMax: number): string {
  let end = bytes.indexOf(CR, from);
  while (end > from && (bytes[end - 1] === SP || bytes[end - 1] === TAB)) end--;
  return jsonText(bytes, from, end, charsMax);
}

function nameOf(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  if (names.size >= NAMES_MAX) names.clear();
  const text = escapeJson(name, NAME_CHARS_MAX);
  names.set(name, text);
  return text;
}

/** To a hundredth; null for what never was. By hand: turning a fraction into text is what costs most in a line. */
function ms(time: number): string {
  if (time < 0) return "null";
  const hundredths = Math.round(time * 100);
  const whole = Math.floor(hundredths / 100);
  return `${whole}${CENTS[hundredths - whole * 100]}`;
}
