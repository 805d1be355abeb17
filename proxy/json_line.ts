/**
 * One exchange as a line of JSON. Byte by byte and with pieces made once: a serializer would cost more than the rest of
 * the exchange's bookkeeping.
 */
import { isoDate } from "../shared/log_clock.ts";
import { equals } from "./http/octets.ts";
import { LineBytes } from "./line_bytes.ts";
import type { LogRecord } from "./log_record.ts";
import { escapeJson } from "./log_text.ts";
import type { RequestIds } from "./request_id.ts";
import type { Server } from "./server.ts";

// Together with the fields of known length a line stays below what a pipe takes at once (PIPE_BUF, 4096).
const TARGET_CHARS_MAX = 2048;
/** Of a target and the path beside it; together they are no longer. */
const WRITTEN_CHARS_MAX = 1280;
const PATH_CHARS_MAX = 768;
const HOST_CHARS_MAX = 256;
const METHOD_CHARS_MAX = 64;
const NAME_CHARS_MAX = 128;
const USER_AGENT_CHARS_MAX = 384;
const REFERER_CHARS_MAX = 512;
const LINE_BYTES_MAX = 8192;

const MS_AT = '{"time":"2026-11-22T04:54:51.'.length;
const ID_AT = MS_AT + '007Z","id":"'.length;
const CR = 13;
const SP = 32;
const TAB = 9;
const QUOTE = 34;

const piece = (text: string) => Buffer.from(text, "latin1");
const CLIENT = piece('","client":"');
const PORT = piece('","port":');
const METHOD = piece(',"method":"');
const HOST = piece('","host":"');
const TARGET = piece('","target":"');
const PATH = piece('","path":"');
const PROTOCOL = [piece('","protocol":"HTTP/1.0"'), piece('","protocol":"HTTP/1.1"')] as const;
/** The same with the name of what mostly follows. */
const BROWSER = [
  piece('","protocol":"HTTP/1.0","user_agent":"'),
  piece('","protocol":"HTTP/1.1","user_agent":"'),
] as const;
const REFERER = piece(',"referer":"');
/** An exchange that went out at once, on a connection that was open. */
const AT_ONCE = piece(',"head_ms":0,"queue_ms":0,"connect_ms":0,"response_ms":');
const BYTES_IN = piece(',"bytes_in":');
const BYTES_OUT = piece(',"bytes_out":');
const NO_BYTES_IN = piece(',"bytes_in":0,"bytes_out":');

/** A method, and how it stands in a line together with the name of the host's field. */
interface MethodPiece {
  name: Buffer;
  piece: Buffer;
}

export class JsonLines {
  /** The line made last. */
  readonly line = new LineBytes(LINE_BYTES_MAX);
  readonly #ids: RequestIds;
  #second = Number.NaN;
  /** By their first octet. */
  readonly #methods: MethodPiece[] = [];
  /** For exchanges that ended as they should: status → its fields. */
  readonly #done: Buffer[] = [];
  /** For those that went to one server only: its fields. */
  readonly #servers = new WeakMap<Server, Buffer>();

  constructor(ids: RequestIds) {
    this.#ids = ids;
  }

  /** `epochMs`: what performance.now() lacks to Date.now(). */
  make(record: LogRecord, epochMs: number): LineBytes {
    const { line } = this;
    this.#start(record, epochMs);
    if (record.claimedClient) {
      line.copy(CLIENT);
      line.text(record.claimedClient);
      line.copy(PORT);
    } else line.copy(record.peer.logged);
    line.count(record.port);
    if (!record.unreadable) this.#request(record);
    this.#ended(record);
    this.#times(record);
    if (record.requestBytes === 0) line.copy(NO_BYTES_IN);
    else {
      line.copy(BYTES_IN);
      line.count(record.requestBytes);
      line.copy(BYTES_OUT);
    }
    line.count(record.responseBytes);
    line.copy(this.#whoServed(record));
    return line;
  }

  /** What stands at the same place in every line stays there from the line before. */
  #start({ endMs, id, claimedId }: LogRecord, epochMs: number): void {
    const { line } = this;
    const nowMs = Math.floor(epochMs + endMs);
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      line.length = 0;
      line.text(`{"time":"${isoDate(new Date(second * 1000))}.000Z","id":"`);
    }
    line.fixed(nowMs - second * 1000, MS_AT, 3);
    line.length = ID_AT;
    if (claimedId) line.text(escapeJson(claimedId, NAME_CHARS_MAX));
    else line.length += this.#ids.write(id, line.bytes, ID_AT);
  }

  #request(record: LogRecord): void {
    const { line } = this;
    const { bytes, userAgent, referer } = record;
    line.copy(this.#method(record));
    line.quoted(bytes, record.hostStart, record.hostNameEnd, HOST_CHARS_MAX);
    line.copy(TARGET);
    this.#target(record);
    const minor = record.minor === 0 ? 0 : 1;
    if (userAgent === 0) line.copy(PROTOCOL[minor]);
    else {
      line.copy(BROWSER[minor]);
      this.#value(bytes, userAgent, USER_AGENT_CHARS_MAX);
    }
    if (referer > 0) {
      line.copy(REFERER);
      this.#value(bytes, referer, REFERER_CHARS_MAX);
    }
  }

  /** As the client wrote it, and behind it the path that went on when that is another. */
  #target({ bytes, pathStart, targetEnd, path }: LogRecord): void {
    const { line } = this;
    line.quoted(bytes, pathStart, targetEnd, path === "" ? TARGET_CHARS_MAX : WRITTEN_CHARS_MAX);
    if (path === "") return;
    line.copy(PATH);
    line.text(escapeJson(path, PATH_CHARS_MAX));
  }

  #method({ bytes, start, methodEnd }: LogRecord): Buffer {
    const first = bytes[start]!;
    const known = this.#methods[first];
    if (known !== undefined && equals(bytes, start, methodEnd, known.name)) return known.piece;
    const name = Buffer.from(bytes.subarray(start, methodEnd));
    const text = escapeJson(name.toString("latin1"), METHOD_CHARS_MAX);
    const made = { name, piece: Buffer.concat([METHOD, piece(text), HOST]) };
    this.#methods[first] = made;
    return made.piece;
  }

  /** The field value that begins at bytes[from]; the head was read, so that a CR ends it. */
  #value(bytes: Buffer, from: number, charsMax: number): void {
    let end = bytes.indexOf(CR, from);
    while (end > from && (bytes[end - 1] === SP || bytes[end - 1] === TAB)) end--;
    const { line } = this;
    line.quoted(bytes, from, end, charsMax);
    line.bytes[line.length++] = QUOTE;
  }

  #ended({ status, ending, state, fault }: LogRecord): void {
    const usual = state === "----";
    const known = usual ? this.#done[status] : undefined;
    if (known !== undefined) return this.line.copy(known);
    const reason = ending === "bad_response" ? `,"reason":"${fault}"` : "";
    const made = piece(`,"status":${status},"ended":"${ending}","state":"${state}"${reason},"ms":`);
    if (usual) this.#done[status] = made;
    this.line.copy(made);
  }

  #times({ headMs, queueMs, connectMs, responseMs, activeMs }: LogRecord): void {
    const { line } = this;
    line.hundredths(activeMs);
    if (headMs === 0 && queueMs === 0 && connectMs === 0 && responseMs >= 0) {
      line.copy(AT_ONCE);
      line.hundredths(responseMs);
    } else {
      this.#time(',"head_ms":', headMs);
      this.#time(',"queue_ms":', queueMs);
      this.#time(',"connect_ms":', connectMs);
      this.#time(',"response_ms":', responseMs);
    }
  }

  /** null for what never was. */
  #time(name: string, ms: number): void {
    this.line.text(name);
    if (ms < 0) this.line.text("null");
    else this.line.hundredths(ms);
  }

  #whoServed(record: LogRecord): Buffer {
    const { server, attempts } = record;
    if (server === null || attempts > 1) return whoServed(record);
    const known = this.#servers.get(server);
    if (known !== undefined) return known;
    const made = whoServed(record);
    this.#servers.set(server, made);
    return made;
  }
}

function whoServed({ route, server, attempts, redispatched }: LogRecord): Buffer {
  if (!route?.backend) return piece("}\n");
  const address = server ? `"${escapeJson(server.address, NAME_CHARS_MAX)}"` : "null";
  const moved = redispatched ? ',"redispatched":true' : "";
  const backend = escapeJson(route.backend.name, NAME_CHARS_MAX);
  return piece(
    `,"backend":"${backend}","server":${address},"retries":${Math.max(0, attempts - 1)}${moved}}\n`,
  );
}
