import { RawConnection } from "../harness/raw_connection.ts";
import { until } from "../harness/until.ts";

/** Connections until no more is accepted: those in the queue of a socket that nobody accepts from. */
export async function fillQueue(port: number) {
  const held: RawConnection[] = [];
  const dispose = () => {
    for (const connection of held) connection[Symbol.dispose]();
    return Promise.resolve();
  };
  for (;;) {
    const target = held.length + 200;
    for (let i = 0; i < 200; i++) {
      // The last ones find no room, and fail when the socket is closed.
      void RawConnection.open(port).then(
        (connection) => held.push(connection),
        () => undefined,
      );
    }
    await until(() => held.length === target || isFull(port), "they connect, or the queue is full");
    if (isFull(port)) return { size: held.length, [Symbol.asyncDispose]: dispose };
  }
}

/** As ss(8) shows a listener: how many wait to be accepted, and how many may. */
function isFull(port: number): boolean {
  const line = Bun.spawnSync(["ss", "-Hltn", `sport = :${port}`])
    .stdout.toString()
    .trim();
  const [, waiting = 0, most = 0] = line.split(/\s+/).map(Number);
  return waiting > most;
}
