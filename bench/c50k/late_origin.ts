/** An origin that answers HELD_PATH after a delay and all else at once. A child of bench/c50k.ts: INDEX PORT DELAY_MS. */
import type { Socket } from "bun";
import { BODY, type CrowdMessage, HELD_PATH, TICK_MS } from "./message.ts";

interface Held {
  socket: Socket<string>;
  dueMs: number;
}

const POLL_MS = 5;
const ANSWER = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;

const [origin = 0, port = 0, delayMs = 0] = process.argv.slice(2).map(Number);
/** In the order in which they are due: all wait equally long. */
const queue: Held[] = [];
let first = 0;

Bun.listen<string>({
  hostname: "127.0.0.1",
  port,
  socket: {
    open(socket) {
      socket.data = "";
    },
    data(socket, bytes) {
      const text = socket.data + bytes.toString("latin1");
      socket.data = text.endsWith("\r\n\r\n") ? "" : text;
      if (socket.data) return;
      if (text.startsWith(`GET ${HELD_PATH} `)) queue.push({ socket, dueMs: performance.now() + delayMs });
      else socket.write(ANSWER);
    },
  },
});

setInterval(() => {
  const nowMs = performance.now();
  for (let next = queue[first]; next && next.dueMs <= nowMs; next = queue[++first]) next.socket.write(ANSWER);
}, POLL_MS);

function report(): void {
  const tick = Math.round(Date.now() / TICK_MS);
  const message: CrowdMessage = { kind: "held", origin, tick, held: queue.length - first };
  process.send?.(message);
  setTimeout(report, (tick + 1) * TICK_MS - Date.now());
}
setTimeout(report, TICK_MS - (Date.now() % TICK_MS));
