import { BROWSER_FIELDS, SMALL } from "./request.ts";

const TIMEOUT_MS = 1000;

/** A GET on the port is answered with 200. By hand, since fetch() would ask a proxy of the environment. */
export function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const done = (good: boolean) => {
    clearTimeout(timer);
    resolve(good);
  };
  const timer = setTimeout(() => done(false), TIMEOUT_MS);
  const head = `GET ${SMALL.path} HTTP/1.1\r\n${BROWSER_FIELDS.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => void socket.write(head),
      data(socket, bytes) {
        done(bytes.toString("latin1", 0, 12) === "HTTP/1.1 200");
        socket.end();
      },
      close: () => done(false),
      connectError: () => done(false),
    },
  }).catch(() => done(false));
  return promise;
}
