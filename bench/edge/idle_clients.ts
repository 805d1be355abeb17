/**
 * Opens connections, asks once on each, then keeps them open and silent. A child of bench/edge.ts: prints how many
 * are open, and ends when it is killed.
 */
import { BROWSER_FIELDS, SMALL } from "../rig/request.ts";

const CONNECTING_MAX = 100;
const TIMEOUT_MS = 10_000;
const HEAD = `GET ${SMALL.path} HTTP/1.1\r\n${BROWSER_FIELDS.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;

let open = 0;

function connect(port: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, TIMEOUT_MS);
  Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => void socket.write(HEAD),
      data(_, bytes) {
        if (bytes.toString("latin1", 0, 12) === "HTTP/1.1 200") open++;
        resolve();
      },
      close() {
        open--;
        resolve();
      },
      connectError: () => resolve(),
    },
  }).catch(() => resolve());
  return promise;
}

const [port = 0, connections = 0] = process.argv.slice(2).map(Number);
let left = connections;
await Promise.all(
  Array.from({ length: CONNECTING_MAX }, async () => {
    while (left-- > 0) await connect(port);
  }),
);
console.log(open);
