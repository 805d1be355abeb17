/** Reads the fixtures in corpus/*.md; corpus/README.md says how they are written. */
export interface CorpusCase {
  file: string;
  name: string;
  request: Bytes;
  /** What the server must be asked, in this order; empty: nothing must reach it. */
  asked: ExpectedRequest[];
  /** What the server says; undefined: a plain 200. */
  response: Bytes | undefined;
  answers: ExpectedAnswer[];
}

export interface Bytes {
  /** Latin-1, {id} still in it. */
  text: string;
  /** No cuts from here on: what follows comes along with what is before it. */
  cutsEnd: number;
  /** How the sender ends the connection after it. */
  end: "open" | "fin" | "reset";
}

export interface ExpectedRequest {
  method: string;
  target: string;
  fields: [name: string, value: string][];
  body: string;
}

export interface ExpectedAnswer {
  /** One of them; empty: the connection ends without an answer. */
  statuses: number[];
  /** "close": the connection ends after it. "truncated": it ends before, and nobody can take it for whole. */
  next: "open" | "close" | "truncated";
  /** undefined: must be absent. */
  fields: [name: string, value: string | undefined][];
  body: string | undefined;
}

const PLAIN_REQUEST = "GET /{id} HTTP/1.1\\r\\nHost: a.test\\r\\n\\r\\n";
const BLOCK = /^```(\w+)\n([\s\S]*?)^```$/gm;

export function readCorpusFile(file: string, markdown: string): CorpusCase[] {
  const [, ...sections] = markdown.split(/^## /m);
  return sections.map((section) => {
    const name = section.slice(0, section.indexOf("\n")).trim();
    try {
      return readCase(file, name, section);
    } catch (error) {
      throw new Error(`${file}, "${name}": ${error instanceof Error ? error.message : String(error)}`);
    }
  });
}

function readCase(file: string, name: string, section: string): CorpusCase {
  const blocks = [...section.matchAll(BLOCK)].map(([, kind = "", text = ""]) => ({ kind, text }));
  const of = (kind: string) => blocks.filter((block) => block.kind === kind).map(({ text }) => text);
  const unknown = blocks.find(({ kind }) => !["request", "server", "response", "client"].includes(kind));
  if (unknown) throw new Error(`a block of the kind ${unknown.kind}`);
  const [request = PLAIN_REQUEST, ...more] = of("request");
  const [response, ...others] = of("response");
  if (more.length + others.length > 0)
    throw new Error("two requests or responses: write them into one block");
  if (!request.includes("{id}")) throw new Error("no {id} in the request");
  const answers = of("client").map(readAnswer);
  if (answers.length === 0) throw new Error("no client block");
  return {
    file,
    name,
    request: readBytes(request),
    asked: of("server").map(readRequest),
    response: response === undefined ? undefined : readBytes(response),
    answers,
  };
}

/** Line ends of the fixture are not part of the bytes: those are spelled \r\n. {TEXT*9} is TEXT nine times. */
function readBytes(block: string): Bytes {
  const [, marked = "", mark] = /^(.*?)(<FIN>|<RST>)?$/s.exec(spelledOut(block.replaceAll("\n", ""))) ?? [];
  const [before = "", after] = marked.split("<SURPLUS>");
  return {
    text: before + (after ?? ""),
    cutsEnd: after === undefined ? before.length : before.length - 1,
    end: mark === "<FIN>" ? "fin" : mark === "<RST>" ? "reset" : "open",
  };
}

function spelledOut(text: string): string {
  return text
    .replace(/\{([^{}]*)\*(\d+)\}/g, (_, part: string, times: string) => part.repeat(Number(times)))
    .replace(/\\(?:x([0-9a-f]{2})|([rnt0\\]))/g, (_, hex: string | undefined, letter: string) =>
      hex
        ? String.fromCharCode(Number.parseInt(hex, 16))
        : ({ r: "\r", n: "\n", t: "\t", "0": "\0", "\\": "\\" }[letter] ?? letter),
    );
}

function readRequest(block: string): ExpectedRequest {
  const { first, fields, body } = readParts(block);
  const [method = "", target = "", ...rest] = first.split(" ");
  if (!target || rest.length > 0) throw new Error(`not METHOD TARGET: ${first}`);
  return { method, target, fields: fields.map(readField), body: body ?? "" };
}

function readAnswer(block: string): ExpectedAnswer {
  const { first, fields, body } = readParts(block);
  const [statuses = "", next = "open", ...rest] = first.split(" ");
  if (rest.length > 0 || (next !== "open" && next !== "close" && next !== "truncated"))
    throw new Error(`not STATUS [close|truncated]: ${first}`);
  return {
    statuses: statuses === "none" ? [] : statuses.split("|").map(Number),
    next: statuses === "none" ? "close" : next,
    fields: fields.map((line) =>
      line.startsWith("!") ? [line.slice(1).toLowerCase(), undefined] : readField(line),
    ),
    body,
  };
}

function readParts(block: string) {
  const [head = "", ...body] = block.split("\n\n");
  const [first = "", ...fields] = head.split("\n").filter((line) => line !== "");
  return {
    first: first.trim(),
    fields: fields.map(spelledOut),
    body: body.length === 0 ? undefined : spelledOut(body.join("\n\n").replaceAll("\n", "")),
  };
}

function readField(line: string): [string, string] {
  const colon = line.indexOf(":");
  if (colon < 0) throw new Error(`not a field: ${line}`);
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
