/**
 * Asks REQUESTS times, each on a connection of its own, evenly over RAMP_MS, and waits for all answers until
 * DEADLINE_MS. A child of bench/c50k.ts: INDEX PORT REQUESTS SOURCES RAMP_MS DEADLINE_MS.
 */
import type { Socket } from "bun";
import { BROWSER_FIELDS } from "../rig/request.ts";
import { BODY, type CrowdMessage, HELD_PATH, TICK_MS } from "./message.ts";

interface Asker {
  askedMs: number;
  text: string;
  over: boolean;
}

const PACE_MS = 5;
/** A load that fell behind does not make up for it at once: it would overflow the proxy's accept queue. */
const CONNECTING_MAX = 100;
const HEAD = `GET ${HELD_PATH} HTTP/1.1\r\n${BROWSER_FIELDS.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
const LATE = "no answer in time";

const [load = 0, port = 0, requests = 0, sources = 1, rampMs = 0, deadlineMs = 0] = process.argv
  .slice(2)
  .map(Number);
const timesMs: number[] = [];
const reasons: Record<string, number> = {};
let started = 0;
let connecting = 0;
let asked = 0;
let failed = 0;

function fail(asker: Asker, reason: string): void {
  if (asker.over) return;
  asker.over = true;
  failed++;
  reasons[reason] = (reasons[reason] ?? 0) + 1;
}

const handlers = {
  open(socket: Socket<Asker>): void {
    connecting--;
    socket.data.askedMs = performance.now();
    if (socket.write(HEAD) < HEAD.length) fail(socket.data, "the request was not taken whole");
    else asked++;
  },
  data(socket: Socket<Asker>, bytes: Buffer): void {
    const asker = socket.data;
    asker.text += bytes.toString("latin1");
    const end = asker.text.indexOf("\r\n\r\n");
    if (end < 0 || asker.text.length < end + 4 + BODY.length) return;
    const status = asker.text.slice(9, 12);
    if (status !== "200" || !asker.text.endsWith(BODY)) fail(asker, `status ${status}`);
    if (asker.over) return;
    asker.over = true;
    timesMs.push(performance.now() - asker.askedMs);
  },
  close: (socket: Socket<Asker>) => fail(socket.data, "cut before the answer"),
};

function connect(index: number): void {
  connecting++;
  const asker: Asker = { askedMs: 0, text: "", over: false };
  // Bun's types don't know localAddress.
  const options = {
    hostname: "127.0.0.1",
    port,
    localAddress: `127.0.0.${2 + (index % sources)}`,
    data: asker,
    socket: handlers,
  };
  Bun.connect<Asker>(options).catch((error: Error & { code?: string }) => {
    connecting--;
    fail(asker, `not connected: ${error.code ?? error.message}`);
  });
}

function tell(message: CrowdMessage): void {
  process.send?.(message);
}

const startMs = performance.now();
let toldMs = startMs;
for (;;) {
  const nowMs = performance.now();
  const due = Math.min(requests, Math.ceil(((nowMs - startMs) / rampMs) * requests));
  while (started < due && connecting < CONNECTING_MAX) connect(started++);
  if (nowMs - toldMs > TICK_MS) {
    toldMs = nowMs;
    tell({ kind: "asked", load, asked, answered: timesMs.length, failed });
  }
  if (timesMs.length + failed >= requests || nowMs - startMs > deadlineMs) break;
  await Bun.sleep(PACE_MS);
}
const late = requests - timesMs.length - failed;
if (late > 0) reasons[LATE] = late;
tell({ kind: "asked", load, asked, answered: timesMs.length, failed: failed + late });
tell({ kind: "done", load, timesMs, reasons });
