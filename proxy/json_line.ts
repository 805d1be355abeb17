/**
 * One exchange as a line of JSON. Byte by byte and with pieces made once: a serializer would cost more than the rest of
 * the exchange's bookkeeping.
 */
import { isoDate } from "../shared/log_clock.ts";
import type { Ending, Exchange } from "./exchange_state.ts";
import { LineBytes } from "./line_bytes.ts";
import { escapeJson } from "./log_text.ts";
import type { RequestIds } from "./request_id.ts";
import type { Server } from "./server.ts";
import { type Timers, timersOf } from "./timers.ts";

// Together with the fields of known length a line stays below what a pipe takes at once (PIPE_BUF, 4096).
const TARGET_CHARS_MAX = 2048;
const HOST_CHARS_MAX = 256;
const METHOD_CHARS_MAX = 64;
const NAME_CHARS_MAX = 128;
const USER_AGENT_CHARS_MAX = 384;
const REFERER_CHARS_MAX = 512;
const LINE_BYTES_MAX = 8192;

const MS_AT = '{"time":"2026-11-22T04:54:51.'.length;
const ID_AT = MS_AT + '007Z","id":"'.length;
const ID_CHARS = 32;
const CR = 13;
const SP = 32;
const TAB = 9;
const QUOTE = 34;

const piece = (text: string) => Buffer.from(text, "latin1");
const CLIENT = piece('","client":"');
/** Where a peer's address stands in what is told to servers: there it is bytes already. */
const CLIENT_AT = "X-Forwarded-For: ".length;
const PORT = piece('","port":');
const METHOD = piece(',"method":"');
const HOST = piece('","host":"');
const TARGET = piece('","target":"');
const PROTOCOL = [piece('","protocol":"HTTP/1.0"'), piece('","protocol":"HTTP/1.1"')];
const USER_AGENT = piece(',"user_agent":"');
const REFERER = piece(',"referer":"');
/** An exchange that went out at once, on a connection that was open. */
const AT_ONCE = piece(',"head_ms":0,"queue_ms":0,"connect_ms":0,"response_ms":');
const BYTES_IN = piece(',"bytes_in":');
const BYTES_OUT = piece(',"bytes_out":');

export class JsonLines {
  /** The line made last. */
  readonly line = new LineBytes(LINE_BYTES_MAX);
  readonly #ids: RequestIds;
  #second = Number.NaN;
  /** For exchanges that ended as they should: status → its fields. */
  readonly #done: Buffer[] = [];
  /** For those that went to one server only: its fields. */
  readonly #servers = new WeakMap<Server, Buffer>();

  constructor(ids: RequestIds) {
    this.#ids = ids;
  }

  /** `nowMs`: when the exchange ended, in whole milliseconds since 1970. */
  make(exchange: Exchange, ending: Ending, durationMs: number, nowMs: number): LineBytes {
    const { line } = this;
    this.#start(exchange, nowMs);
    const { peer } = exchange.session;
    if (exchange.claimedClient) line.text(exchange.claimedClient);
    else
      line.length += peer.forwarded.copy(line.bytes, line.length, CLIENT_AT, CLIENT_AT + peer.address.length);
    line.copy(PORT);
    line.count(exchange.session.port);
    if (!exchange.unreadable) this.#request(exchange);
    this.#ended(exchange, ending);
    this.#times(timersOf(exchange, durationMs));
    line.copy(BYTES_IN);
    line.count(exchange.requestBody.bytes);
    line.copy(BYTES_OUT);
    line.count(exchange.responseBytes);
    line.copy(this.#whoServed(exchange));
    return line;
  }

  /** What stands at the same place in every line stays there from the line before. */
  #start(exchange: Exchange, nowMs: number): void {
    const { line } = this;
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      line.length = 0;
      line.text(`{"time":"${isoDate(new Date(second * 1000))}.000Z","id":"`);
    }
    line.fixed(nowMs - second * 1000, MS_AT, 3);
    line.length = ID_AT;
    if (exchange.claimedId) line.text(escapeJson(exchange.claimedId, NAME_CHARS_MAX));
    else line.length += this.#ids.write(exchange.id, line.bytes, ID_AT, ID_CHARS);
    line.copy(CLIENT);
  }

  #request({ bytes, request }: Exchange): void {
    const { line } = this;
    line.copy(METHOD);
    line.quoted(bytes, request.start, request.methodEnd, METHOD_CHARS_MAX);
    line.copy(HOST);
    line.quoted(bytes, request.hostStart, request.hostNameEnd, HOST_CHARS_MAX);
    line.copy(TARGET);
    line.quoted(bytes, request.pathStart, request.targetEnd, TARGET_CHARS_MAX);
    line.copy(PROTOCOL[request.minor] ?? PROTOCOL[1]!);
    if (request.userAgent > 0) this.#field(USER_AGENT, bytes, request.userAgent, USER_AGENT_CHARS_MAX);
    if (request.referer > 0) this.#field(REFERER, bytes, request.referer, REFERER_CHARS_MAX);
  }

  /** The field value that begins at bytes[from]; the head was read, so that a CR ends it. */
  #field(name: Buffer, bytes: Buffer, from: number, charsMax: number): void {
    let end = bytes.indexOf(CR, from);
    while (end > from && (bytes[end - 1] === SP || bytes[end - 1] === TAB)) end--;
    const { line } = this;
    line.copy(name);
    line.quoted(bytes, from, end, charsMax);
    line.bytes[line.length++] = QUOTE;
  }

  #ended(exchange: Exchange, ending: Ending): void {
    const { status } = exchange;
    const state = exchange.state(ending);
    const usual = state === "----";
    const known = usual ? this.#done[status] : undefined;
    if (known !== undefined) return this.line.copy(known);
    const made = piece(`,"status":${status},"ended":"${ending}","state":"${state}","ms":`);
    if (usual) this.#done[status] = made;
    this.line.copy(made);
  }

  #times({ head, queue, connect, response, active }: Timers): void {
    const { line } = this;
    line.hundredths(active);
    if (head === 0 && queue === 0 && connect === 0 && response >= 0) {
      line.copy(AT_ONCE);
      line.hundredths(response);
    } else {
      this.#time(',"head_ms":', head);
      this.#time(',"queue_ms":', queue);
      this.#time(',"connect_ms":', connect);
      this.#time(',"response_ms":', response);
    }
  }

  /** null for what never was. */
  #time(name: string, ms: number): void {
    this.line.text(name);
    if (ms < 0) this.line.text("null");
    else this.line.hundredths(ms);
  }

  #whoServed(exchange: Exchange): Buffer {
    const { server, attempts } = exchange;
    if (server === null || attempts > 1) return whoServed(exchange);
    const known = this.#servers.get(server);
    if (known !== undefined) return known;
    const made = whoServed(exchange);
    this.#servers.set(server, made);
    return made;
  }
}

function whoServed({ route, server, attempts, redispatched }: Exchange): Buffer {
  if (!route) return piece("}\n");
  const address = server ? `"${escapeJson(server.address, NAME_CHARS_MAX)}"` : "null";
  const moved = redispatched ? ',"redispatched":true' : "";
  const backend = escapeJson(route.backend.name, NAME_CHARS_MAX);
  return piece(
    `,"backend":"${backend}","server":${address},"retries":${Math.max(0, attempts - 1)}${moved}}\n`,
  );
}
