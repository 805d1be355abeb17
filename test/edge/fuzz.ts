import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { readCorpusFile } from "./corpus_file.ts";
import { EchoOrigin } from "./echo_origin.ts";
import { EdgeSite } from "./edge_site.ts";
import { readStrictResponse } from "./strict_parser.ts";

const FOLDER = join(import.meta.dir, "corpus");
/** Longer ones only cost time. */
const SEED_BYTES_MAX = 600;

const seeds = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".md") && file !== "README.md")
  .flatMap((file) => readCorpusFile(file, readFileSync(join(FOLDER, file), "utf8")))
  .map(({ request }) => request.text.replaceAll("{id}", "x"))
  .filter((text) => text.length <= SEED_BYTES_MAX);

const fragment = fc.oneof(
  fc.constantFrom(
    "\r\n",
    "\r",
    "\n",
    " ",
    "\t",
    ":",
    ",",
    ";",
    "\0",
    "\x7f",
    "\xff",
    "0",
    "5",
    "+",
    "-",
    "\r\n\r\n",
    "0\r\n\r\n",
  ),
  fc.constantFrom(
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Host: b.test\r\n",
    "Connection: close\r\n",
    "GET /y HTTP/1.1\r\nHost: a.test\r\n\r\n",
  ),
  fc.constantFrom(...seeds),
);

/** Requests of the corpus with bytes put in, taken out and doubled. */
export const mutant: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom(...seeds),
    fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(6), fc.option(fragment)), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([seed, edits]) =>
    edits.reduce((text, [place, taken, put]) => {
      const at = Math.floor(place * text.length);
      return text.slice(0, at) + (put ?? text.slice(at, at + 2 * taken)) + text.slice(at + taken);
    }, seed),
  );

/**
 * Sends mutants through a running edge, one after the other. Throws when a server is told what a strict reader refuses,
 * or when the client does not get exactly one answer to each request that the server was asked, and one refusal at most.
 */
export async function fuzzEdge(runs: number, seed?: number): Promise<void> {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: 'access_log = "off"' });
  const property = fc.asyncProperty(mutant, async (text) => {
    origin.requests.length = 0;
    using client = await edge.open();
    client.send(text);
    client.shutdown();
    await client.closed();
    if (origin.fault) throw new Error(`the server was told ${String(origin.fault)}`);
    judge(
      client.received,
      origin.requests.map(({ method }) => method),
    );
  });
  await fc.assert(property, { numRuns: runs, endOnFailure: true, ...(seed === undefined ? {} : { seed }) });
}

function judge(received: Buffer, methods: readonly string[]): void {
  let served = 0;
  let refused = 0;
  for (let at = 0; at < received.length; ) {
    const answer = readStrictResponse(received.subarray(at), true, methods[served] ?? "GET");
    if (!answer) throw new Error("the client got half an answer");
    if (refused > 0) throw new Error("an answer came after a refusal");
    if (answer.status === 200) served++;
    else refused++;
    at += answer.length;
  }
  if (served !== methods.length) throw new Error(`${methods.length} requests, ${served} answers`);
}
