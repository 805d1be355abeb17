export interface RawResponse {
  status: number;
  /** Names in lower case; several of one name are joined by ", ". */
  headers: Map<string, string>;
  /** The head as it came. */
  head: string;
  body: Buffer;
  /** How many bytes it took on the wire. */
  length: number;
}

/** The first whole response in `bytes`; undefined when more bytes are needed. `ended`: no more will come. */
export function readResponse(bytes: Buffer, ended: boolean, method = "GET"): RawResponse | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = bytes.toString("latin1", 0, headEnd);
  const [statusLine = "", ...lines] = head.split("\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1]);
  if (!status) throw new Error(`no HTTP response: ${JSON.stringify(statusLine.slice(0, 80))}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
  }
  const start = headEnd + 4;
  const body = readBody(
    bytes,
    start,
    ended,
    headers,
    method === "HEAD" || status < 200 || status === 204 || status === 304,
  );
  return body && { status, headers, head, body: body.body, length: body.end };
}

function readBody(
  bytes: Buffer,
  start: number,
  ended: boolean,
  headers: Map<string, string>,
  bodiless: boolean,
) {
  if (bodiless) return { body: Buffer.alloc(0), end: start };
  if (headers.get("transfer-encoding")?.toLowerCase() === "chunked") return readChunks(bytes, start);
  const length = headers.get("content-length");
  if (length !== undefined) {
    const end = start + Number(length);
    return bytes.length >= end ? { body: bytes.subarray(start, end), end } : undefined;
  }
  return ended ? { body: bytes.subarray(start), end: bytes.length } : undefined;
}

function readChunks(bytes: Buffer, start: number): { body: Buffer; end: number } | undefined {
  const chunks: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error("no chunk size where one must be");
    const data = lineEnd + 2;
    if (size === 0) {
      // Trailers, if any, end with an empty line like the head.
      const end =
        bytes.toString("latin1", data, data + 2) === "\r\n" ? data : bytes.indexOf("\r\n\r\n", data) + 2;
      return end < data || bytes.length < end + 2 ? undefined : { body: Buffer.concat(chunks), end: end + 2 };
    }
    if (bytes.length < data + size + 2) return undefined;
    chunks.push(bytes.subarray(data, data + size));
    at = data + size + 2;
  }
}
