import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../harness/free_port.ts";
import { Trivet } from "../harness/trivet.ts";
import { type Bytes, type CorpusCase, readCorpusFile } from "./corpus_file.ts";
import { CorpusOrigin } from "./corpus_origin.ts";
import { type Cuts, runCase } from "./corpus_run.ts";

const FOLDER = join(import.meta.dir, "corpus");
const AT_ONCE = 256;
/** Longer ones are cut at this many places only. */
const CUTS_MAX = 200;

const cases = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".md") && file !== "README.md")
  .flatMap((file) => readCorpusFile(file, readFileSync(join(FOLDER, file), "utf8")));

const origin = new CorpusOrigin();
const wrong = new Map<CorpusCase, string[]>(cases.map((one) => [one, []]));
let edge: Trivet;

beforeAll(async () => {
  const port = await freePort();
  edge = await Trivet.start({ mode: "proxy", config: config(port) });
  const runs = cases.flatMap((one) => allCuts(one).map((cuts) => ({ one, cuts })));
  const worker = async () => {
    for (let run = runs.pop(); run; run = runs.pop()) {
      const { one, cuts } = run;
      const found = await runCase(port, origin, one, cuts).catch((error: unknown) => String(error));
      if (found) wrong.get(one)?.push(`${describe(cuts)}: ${found}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}, 600_000);

afterAll(async () => {
  await edge?.[Symbol.asyncDispose]();
  origin[Symbol.dispose]();
});

for (const one of cases) {
  test(`${one.file}: ${one.name}`, () => {
    const found = wrong.get(one) ?? [];
    expect({ wrong: found.length, first: found[0] }).toEqual({ wrong: 0, first: undefined });
  });
}

test("the server was never told anything that a strict reader refuses", () => {
  expect(origin.faults.slice(0, 10)).toEqual([]);
});

test("every case has a name of its own", () => {
  expect(new Set(cases.map(({ file, name }) => file + name)).size).toBe(cases.length);
});

function config(port: number): string {
  return `
[proxy]
access_log = "off"
workers = 2
[[proxy.listen]]
address = "127.0.0.1:${port}"
# On a busy machine byte by byte takes its time.
[proxy.timeouts]
request_head = "60s"
[proxy.limits]
body = "64KiB"
[[proxy.route]]
backend = "corpus"
[backend.corpus]
servers = ["${origin.address}"]
`;
}

/** Whole, a byte at a time, and in two at every byte: first what takes long. */
function allCuts({ request, response }: CorpusCase): Cuts[] {
  const [asked, said] = [everyByte(request), response ? everyByte(response) : []];
  return [
    ...asked.map((index) => ({ request: [index], response: [] })),
    ...said.map((index) => ({ request: [], response: [index] })),
    { request: [], response: [] },
    { request: asked, response: said },
  ];
}

function everyByte({ cutsEnd }: Bytes): number[] {
  const step = Math.ceil(cutsEnd / CUTS_MAX);
  return Array.from({ length: Math.ceil(cutsEnd / step) }, (_, i) => i * step).slice(1);
}

function describe({ request, response }: Cuts): string {
  if (request.length + response.length === 0) return "whole";
  if (request.length > 1 || response.length > 1) return "byte by byte";
  return request.length > 0 ? `request cut at ${request}` : `response cut at ${response}`;
}
