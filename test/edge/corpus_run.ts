import type { CorpusCase, ExpectedAnswer, ExpectedRequest } from "./corpus_file.ts";
import { type CorpusOrigin, PART_GAP_MS } from "./corpus_origin.ts";
import { fieldOf, readStrictResponse, type StrictRequest, type StrictResponse } from "./strict_parser.ts";

/** Shorter than any timeout of the edge that would end what is broken in its own way. */
const WAIT_MS = 30_000;
/** The proxy's own, and those that only say how long a message is: the strict reader has checked them. */
const NOT_COMPARED =
  /^(?:x-forwarded-(?:for|proto|host)|x-real-ip|x-request-id|traceparent|connection|content-length|transfer-encoding)$/;

/** Where to cut the request and the response of a case; bytes are never lost. */
export interface Cuts {
  request: number[];
  response: number[];
}

let runs = 0;

/** Runs a case once; what went other than it should, or undefined. */
export async function runCase(
  edgePort: number,
  origin: CorpusOrigin,
  one: CorpusCase,
  cuts: Cuts,
): Promise<string | undefined> {
  const id = `id${++runs}z`;
  const { response } = one;
  origin.expect(id, response && { parts: cut(bytesOf(response.text, id), cuts.response), end: response.end });
  const client = await Client.open(edgePort);
  try {
    await client.send(cut(bytesOf(one.request.text, id), cuts.request));
    if (one.request.end === "fin") client.shutdown();
    if (one.request.end === "reset") client.reset();
    const wrong =
      (await judgeAnswers(client, one, id)) ?? judgeRequests(one.asked, origin.asked(id), id) ?? undefined;
    return wrong;
  } finally {
    client.close();
    origin.forget(id);
  }
}

async function judgeAnswers(client: Client, one: CorpusCase, id: string): Promise<string | undefined> {
  const methods =
    one.request.text.match(/(?<=^|\n\r\n)(?:\r\n)*[A-Za-z]+(?= )/g)?.map((word) => word.trim()) ?? [];
  let method = 0;
  for (const expected of one.answers) {
    if (expected.statuses.length === 0) return client.endsEmpty();
    const found = await client.answer(methods[method] ?? "GET");
    if (expected.next === "truncated") {
      if (found === undefined) return client.ends();
      return isOpenlyFailed(expected, found) ? undefined : `looks whole: ${show(found)}`;
    }
    if (typeof found !== "object") return `${found ?? "no whole response"}, but ${client.heard()}`;
    const wrong = compareAnswer(expected, found, id);
    if (wrong) return wrong;
    if (found.status >= 200 || found.status === 101) method++;
    if (expected.next === "close") return client.endsEmpty();
  }
  return client.isGoodForMore(id);
}

function isOpenlyFailed({ statuses }: ExpectedAnswer, found: StrictResponse | string): boolean {
  return typeof found === "object" && found.status === 502 && statuses.includes(502);
}

function compareAnswer(expected: ExpectedAnswer, found: StrictResponse, id: string): string | undefined {
  if (!expected.statuses.includes(found.status))
    return `${found.status} instead of ${expected.statuses.join(" or ")}: ${found.body.toString("latin1", 0, 200)}`;
  for (const [name, value] of expected.fields) {
    const got = fieldOf(found, name);
    if (got !== value?.replaceAll("{id}", id)) return `${name}: ${got} instead of ${value}`;
  }
  const body = found.body.toString("latin1");
  if (expected.body !== undefined && body !== expected.body)
    return `the body ${JSON.stringify(body.slice(0, 200))}`;
  return undefined;
}

function judgeRequests(expected: ExpectedRequest[], found: StrictRequest[], id: string): string | undefined {
  const asked = found.map((request) =>
    describe(request.method, request.target, request.fields, request.body.toString("latin1")),
  );
  const wanted = expected.map(({ method, target, fields, body }) =>
    describe(method, target, fields, body).replaceAll("{id}", id),
  );
  if (asked.join("\n") === wanted.join("\n")) return undefined;
  return `the server was asked ${JSON.stringify(asked)} instead of ${JSON.stringify(wanted)}`;
}

function describe(method: string, target: string, fields: [string, string][], body: string): string {
  const compared = fields
    .filter(([name]) => !NOT_COMPARED.test(name))
    .map(([name, value]) => `${name}: ${value}`);
  // Fields of one name stay in order, others may change places.
  return [`${method} ${target}`, ...compared.toSorted(byName), "", body].join("\n");
}

function byName(a: string, b: string): number {
  const [left = "", right = ""] = [a.split(":")[0], b.split(":")[0]];
  return left < right ? -1 : left > right ? 1 : 0;
}

function show(found: StrictResponse | string | undefined): string {
  return typeof found !== "object" ? String(found) : `${found.status} with ${found.body.length} bytes`;
}

function bytesOf(text: string, id: string): Buffer {
  return Buffer.from(text.replaceAll("{id}", id), "latin1");
}

/** Cuts count in the bytes of the fixture; the id may have grown them, which moves the later cuts a little. */
function cut(bytes: Buffer, at: number[]): Buffer[] {
  const edges = [0, ...at.filter((index) => index > 0 && index < bytes.length), bytes.length];
  return edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
}

class Client {
  #bytes: Buffer = Buffer.alloc(0);
  #end: "no" | "fin" | "reset" = "no";
  #wake: () => void = () => undefined;
  #socket: Bun.Socket | undefined;

  static async open(port: number): Promise<Client> {
    const client = new Client();
    const ended = (end: "fin" | "reset") => {
      if (client.#end === "no") client.#end = end;
      client.#wake();
    };
    client.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      // The half that the edge has ended is seen, and ours stays open until close().
      allowHalfOpen: true,
      socket: {
        data: (_socket, bytes) => {
          client.#bytes = Buffer.concat([client.#bytes, bytes]);
          client.#wake();
        },
        drain: () => client.#wake(),
        end: () => ended("fin"),
        close: (_socket, error) => ended(error ? "reset" : "fin"),
        error: () => ended("reset"),
      },
    });
    return client;
  }

  async send(parts: Buffer[]): Promise<void> {
    for (const [i, part] of parts.entries()) {
      if (i > 0) await Bun.sleep(PART_GAP_MS);
      // Refused already: the rest has no reader.
      if (this.#end !== "no") return;
      await this.#sendAll(part);
    }
  }

  async #sendAll(part: Buffer): Promise<void> {
    for (let sent = 0; sent < part.length && this.#end === "no"; ) {
      const taken = this.#socket?.write(part, sent, part.length - sent) ?? -1;
      if (taken < 0) return;
      sent += taken;
      if (sent < part.length && !(await this.#woken(Date.now() + WAIT_MS))) return;
    }
  }

  /** A whole response; undefined: the connection ended before; a sentence: no response at all. */
  async answer(method: string): Promise<StrictResponse | string | undefined> {
    for (const deadlineMs = Date.now() + WAIT_MS; ; ) {
      try {
        const found = readStrictResponse(this.#bytes, this.#end === "fin", method);
        if (found) {
          this.#bytes = this.#bytes.subarray(found.length);
          return found;
        }
      } catch (error) {
        return String(error);
      }
      if (this.#end !== "no") return undefined;
      if (!(await this.#woken(deadlineMs))) return "waited in vain";
    }
  }

  async ends(): Promise<string | undefined> {
    for (const deadlineMs = Date.now() + WAIT_MS; this.#end === "no"; ) {
      if (!(await this.#woken(deadlineMs))) return `the connection stays open, ${this.heard()}`;
    }
    return undefined;
  }

  async endsEmpty(): Promise<string | undefined> {
    return (await this.ends()) ?? (this.#bytes.length === 0 ? undefined : `before the end ${this.heard()}`);
  }

  async isGoodForMore(id: string): Promise<string | undefined> {
    if (this.#bytes.length > 0) return `after the last response ${this.heard()}`;
    this.#socket?.write(`GET /again HTTP/1.1\r\nHost: a.test\r\nX-Id: ${id.replace("id", "id0")}\r\n\r\n`);
    const found = await this.answer("GET");
    if (typeof found === "object" && found.status === 200 && this.#bytes.length === 0) return undefined;
    return `the connection is of no use for another request: ${found ? show(found) : this.heard()}`;
  }

  heard(): string {
    return `heard ${JSON.stringify(this.#bytes.toString("latin1", 0, 300))}, end: ${this.#end}`;
  }

  shutdown(): void {
    this.#socket?.shutdown();
  }

  reset(): void {
    this.#socket?.terminate();
  }

  close(): void {
    this.#socket?.terminate();
  }

  async #woken(deadlineMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#wake = () => resolve(true);
    const timer = setTimeout(() => resolve(false), Math.max(0, deadlineMs - Date.now()));
    const woken = await promise;
    clearTimeout(timer);
    return woken;
  }
}
