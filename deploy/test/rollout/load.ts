/**
 * Clients of the edge, each asking again as soon as it was answered and a moment has passed: bun load.ts HOST PORT. On each
 * line of stdin it writes a line of JSON, what happened since the line before, and starts anew.
 */
import { createInterface } from "node:readline";
import type { Tally } from "./tally.ts";

const KEPT = 6;
const FRESH = 4;
const PAUSE_MS = 20;
const UPLOAD_BYTES = 4 * 1024 * 1024;
const UPLOAD_PIECES = 16;
const PATIENCE_MS = 90_000;
const REASONS_MAX = 10;

const [host = "127.0.0.1", port = "80"] = process.argv.slice(2);
const base = `http://${host}:${port}`;
let tally = newTally();
let lastOkMs = performance.now();
let running = true;
let jobs = 0;

function newTally(): Tally {
  return {
    ok: 0,
    failed: 0,
    kinds: {},
    reasons: [],
    latenciesMs: [],
    worstPauseMs: 0,
    reconnects: 0,
    enqueued: [],
  };
}

function succeeded(kind: string, startMs: number): void {
  const nowMs = performance.now();
  tally.ok++;
  tally.kinds[kind] = (tally.kinds[kind] ?? 0) + 1;
  tally.latenciesMs.push(nowMs - startMs);
  // An open socket is no sign that new requests are answered.
  if (kind === "socket") return;
  tally.worstPauseMs = Math.max(tally.worstPauseMs, nowMs - lastOkMs);
  lastOkMs = nowMs;
}

function failed(kind: string, reason: unknown): void {
  tally.failed++;
  const sentence = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason);
  if (tally.reasons.length < REASONS_MAX) tally.reasons.push(`${kind}: ${sentence}`);
}

async function ask(
  kind: string,
  path: string,
  init: RequestInit,
  expected: (text: string) => boolean,
): Promise<boolean> {
  const startMs = performance.now();
  try {
    const response = await fetch(`${base}${path}`, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
    const text = await response.text();
    if (response.status !== 200 || !expected(text)) {
      failed(kind, `answered ${response.status}: ${text.slice(0, 80)}`);
      return false;
    }
    succeeded(kind, startMs);
    return true;
  } catch (error) {
    failed(kind, error);
    return false;
  }
}

async function repeat(pauseMs: number, once: () => Promise<unknown>): Promise<void> {
  while (running) {
    await once();
    await Bun.sleep(pauseMs);
  }
}

/** Sent in pieces over a second. */
function uploadBody(): ReadableStream {
  let left = UPLOAD_PIECES;
  return new ReadableStream({
    async pull(controller) {
      if (left-- === 0) return controller.close();
      controller.enqueue(new Uint8Array(UPLOAD_BYTES / UPLOAD_PIECES));
      await Bun.sleep(1000 / UPLOAD_PIECES);
    },
  });
}

async function enqueue(): Promise<void> {
  const id = `${process.pid}-${jobs++}`;
  const into = tally;
  if (await ask("job", `/jobs/${id}`, { ...OWN_CONNECTION, method: "POST" }, (text) => text.includes(id)))
    into.enqueued.push(id);
}

/** Echoes for as long as the socket lives. A server that leaves says so by closing it; then another one must take us. */
async function socketLife(): Promise<void> {
  const socket = new WebSocket(`ws://${host}:${port}/socket`);
  const closed = new Promise<void>((resolve) => socket.addEventListener("close", () => resolve()));
  const opened = await Promise.race([
    new Promise<boolean>((resolve) => socket.addEventListener("open", () => resolve(true))),
    closed.then(() => false),
  ]);
  if (!opened) return failed("socket", "could not be opened");
  for (let i = 0; running && socket.readyState === WebSocket.OPEN; i++) {
    const startMs = performance.now();
    const echoed = new Promise<boolean>((resolve) =>
      socket.addEventListener("message", ({ data }) => resolve(String(data) === `m${i}`), { once: true }),
    );
    socket.send(`m${i}`);
    const answer = await Promise.race([echoed, closed.then(() => undefined)]);
    if (answer === undefined) break;
    if (answer) succeeded("socket", startMs);
    else failed("socket", "another message came back");
    await Bun.sleep(100);
  }
  if (running) tally.reconnects++;
  socket.close();
}

/**
 * A server may close an idle connection at any time (RFC 9112 §9.5). A GET is then sent once more by fetch; what must not be
 * sent twice gets a connection of its own, so that every failure of it counts.
 */
const OWN_CONNECTION = { keepalive: false, headers: { Connection: "close" } };
const hello = (text: string) => text === "hello";
const clients = [
  ...Array.from({ length: KEPT }, () => repeat(PAUSE_MS, () => ask("kept", "/", {}, hello))),
  ...Array.from({ length: FRESH }, () => repeat(PAUSE_MS, () => ask("fresh", "/", OWN_CONNECTION, hello))),
  repeat(PAUSE_MS, () =>
    ask("upload", "/upload", { ...OWN_CONNECTION, method: "POST", body: uploadBody() }, (text) =>
      text.includes(String(UPLOAD_BYTES)),
    ),
  ),
  repeat(PAUSE_MS, enqueue),
  repeat(PAUSE_MS, socketLife),
];

for await (const line of createInterface({ input: process.stdin })) {
  if (line === "end") break;
  tally.worstPauseMs = Math.max(tally.worstPauseMs, performance.now() - lastOkMs);
  console.log(JSON.stringify(tally));
  tally = newTally();
}
running = false;
await Promise.race([Promise.all(clients), Bun.sleep(2000)]);
process.exit(0);
