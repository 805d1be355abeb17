/**
 * A reader of HTTP/1.1 that accepts only what a proxy has any business to say (RFC 9110, RFC 9112): written for the
 * tests, apart from the proxy's own, to hold its bytes against.
 */
export interface StrictMessage {
  /** In order, names in lower case. */
  fields: [name: string, value: string][];
  body: Buffer;
  /** What it takes of the bytes. */
  length: number;
}

export interface StrictRequest extends StrictMessage {
  method: string;
  target: string;
}

export interface StrictResponse extends StrictMessage {
  status: number;
  /** Nothing but the end of the connection ends its body. */
  untilClose: boolean;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([\\x21-\\x7e]+) HTTP/1\\.1$`);
const STATUS_LINE = /^HTTP\/1\.1 ([1-9][0-9][0-9]) [\t\x20-\x7e\x80-\xff]*$/;
const FIELD = new RegExp(
  `^(${TOKEN}):[ \\t]*((?:[\\x21-\\x7e\\x80-\\xff](?:[\\t\\x20-\\x7e\\x80-\\xff]*[\\x21-\\x7e\\x80-\\xff])?)?)[ \\t]*$`,
);
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[!$&'()*+,;=A-Za-z0-9._~%-]+)(?::[0-9]*)?$/;
const CHUNK_SIZE = /^[0-9A-Fa-f]{1,13}$/;
const LENGTH = /^[0-9]{1,15}$/;
/** RFC 9110 §7.6.1: meant for one connection; a proxy that passes them on speaks for somebody else. */
const HOP_BY_HOP = ["keep-alive", "proxy-connection", "te", "trailer"];

/** The first whole request in `bytes`; undefined when more are needed. Throws on anything doubtful. */
export function readStrictRequest(bytes: Buffer): StrictRequest | undefined {
  const head = readHead(bytes);
  if (!head) return undefined;
  const [, method = "", target = ""] = match(REQUEST_LINE, head.startLine, "request line");
  const hosts = head.fields.filter(([name]) => name === "host");
  if (hosts.length !== 1) throw new Error(`${hosts.length} Host fields`);
  match(HOST, hosts[0]?.[1] ?? "", "Host");
  checkConnection(head.fields);
  const framing = readFraming(head.fields);
  const body = framing === "none" ? empty(head.length) : readBody(bytes, head.length, framing);
  return body && { method, target, fields: head.fields, body: body.body, length: body.end };
}

/** The first whole response to `method`; `ended`: no more bytes will come, and the end was in order. */
export function readStrictResponse(
  bytes: Buffer,
  ended: boolean,
  method: string,
): StrictResponse | undefined {
  const head = readHead(bytes);
  if (!head) return undefined;
  const status = Number(match(STATUS_LINE, head.startLine, "status line")[1]);
  checkConnection(head.fields);
  const framing = readFraming(head.fields);
  if (status < 200 || status === 204) {
    if (framing !== "none") throw new Error(`a ${status} with a length`);
  }
  const bodiless = method === "HEAD" || status < 200 || status === 204 || status === 304;
  const untilClose = !bodiless && framing === "none";
  if (untilClose && !ended) return undefined;
  const found = bodiless
    ? empty(head.length)
    : framing === "none"
      ? { body: bytes.subarray(head.length), end: bytes.length }
      : readBody(bytes, head.length, framing);
  return found && { status, untilClose, fields: head.fields, body: found.body, length: found.end };
}

export function fieldOf(message: StrictMessage, name: string): string | undefined {
  const found = message.fields.filter(([other]) => other === name.toLowerCase());
  return found.length === 0 ? undefined : found.map(([, value]) => value).join(", ");
}

function readHead(bytes: Buffer) {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [startLine = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const fields = lines.map((line): [string, string] => {
    const [, name = "", value = ""] = match(FIELD, line, "field");
    return [name.toLowerCase(), value];
  });
  return { startLine, fields, length: end + 4 };
}

function checkConnection(fields: [string, string][]): void {
  const names = new Set(fields.map(([name]) => name));
  for (const name of HOP_BY_HOP) if (names.has(name)) throw new Error(`the hop-by-hop field ${name}`);
  const options = fields
    .filter(([name]) => name === "connection")
    .flatMap(([, value]) => value.toLowerCase().split(/[ \t]*,[ \t]*/));
  for (const option of options) {
    if (!["close", "keep-alive", "upgrade"].includes(option)) throw new Error(`Connection: ${option}`);
  }
  if (names.has("upgrade") !== options.includes("upgrade"))
    throw new Error("Upgrade and Connection disagree");
}

function readFraming(fields: [string, string][]): number | "chunked" | "none" {
  const lengths = fields.filter(([name]) => name === "content-length").map(([, value]) => value);
  const codings = fields.filter(([name]) => name === "transfer-encoding").map(([, value]) => value);
  if (lengths.length + codings.length > 1) throw new Error("more than one length");
  if (codings.length === 1) {
    match(/^chunked$/, codings[0] ?? "", "Transfer-Encoding");
    return "chunked";
  }
  return lengths.length === 0 ? "none" : Number(match(LENGTH, lengths[0] ?? "", "Content-Length")[0]);
}

function readBody(bytes: Buffer, start: number, framing: number | "chunked") {
  if (framing === "chunked") return readChunks(bytes, start);
  const end = start + framing;
  return bytes.length < end ? undefined : { body: bytes.subarray(start, end), end };
}

function readChunks(bytes: Buffer, start: number): { body: Buffer; end: number } | undefined {
  const chunks: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const [text] = match(CHUNK_SIZE, bytes.toString("latin1", at, lineEnd), "chunk size");
    const end = lineEnd + 2 + Number.parseInt(text, 16);
    if (bytes.length < end + 2) return undefined;
    // After the last chunk too: trailers are not passed on.
    match(/^\r\n$/, bytes.toString("latin1", end, end + 2), "end of a chunk");
    chunks.push(bytes.subarray(lineEnd + 2, end));
    if (end === lineEnd + 2) return { body: Buffer.concat(chunks), end: end + 2 };
    at = end + 2;
  }
}

function empty(end: number) {
  return { body: Buffer.alloc(0), end };
}

function match(pattern: RegExp, text: string, what: string): RegExpExecArray {
  const found = pattern.exec(text);
  if (!found) throw new Error(`${what}: ${JSON.stringify(text.slice(0, 100))}`);
  return found;
}
