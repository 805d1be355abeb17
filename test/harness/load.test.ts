import { expect, test } from "bun:test";
import { freePort } from "./free_port.ts";
import { Load } from "./load.ts";
import { Origin } from "./origin.ts";
import { RawOrigin } from "./raw_origin.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

test("counts what was asked, on kept and on fresh connections", async () => {
  await using origin = Origin.start("a");
  const result = await Load.start({ port: origin.port, keepAlive: 3, fresh: 2, requests: 200 }).done();
  expect(result).toEqual({ ok: 200, failed: 0, stale: 0, refused: 0, reasons: [] });
  expect(origin.hits).toBe(200);
});

test("runs until it is stopped", async () => {
  await using origin = Origin.start("a");
  const load = Load.start({ port: origin.port, keepAlive: 2 });
  while (load.result.ok < 50) await Bun.sleep(1);
  const { ok, failed } = await load.stop();
  expect(failed).toBe(0);
  expect(ok).toBe(origin.hits);
});

test("a wrong status, half an answer and a reset are failures", async () => {
  using wrong = RawOrigin.answering("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  expect((await Load.start({ port: wrong.port, keepAlive: 1, requests: 3 }).done()).failed).toBe(3);
  using half = RawOrigin.start((connection) => {
    connection.send(OK.slice(0, -1));
    connection.end();
  });
  expect((await Load.start({ port: half.port, keepAlive: 1, requests: 3 }).done()).failed).toBe(3);
  using reset = RawOrigin.start((connection) => connection.reset());
  expect((await Load.start({ port: reset.port, fresh: 1, requests: 3 }).done()).failed).toBe(3);
});

test("Connection: close is honoured", async () => {
  using origin = RawOrigin.start((connection) => {
    connection.send(OK.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    connection.end();
  });
  const { ok, stale } = await Load.start({ port: origin.port, keepAlive: 1, requests: 4 }).done();
  expect({ ok, stale, connections: origin.connections.length }).toEqual({ ok: 4, stale: 0, connections: 4 });
});

test("a kept connection closed without a word is asked again elsewhere", async () => {
  using origin = RawOrigin.start((connection) => {
    if (connection.received.length > 60) connection.end();
    else connection.send(OK);
  });
  const { ok, failed, stale } = await Load.start({ port: origin.port, keepAlive: 1, requests: 4 }).done();
  expect({ ok, failed }).toEqual({ ok: 4, failed: 0 });
  expect(stale).toBe(3);
});

test("nobody there is refused, not failed", async () => {
  const { refused, failed } = await Load.start({ port: await freePort(), keepAlive: 1, fresh: 1 }).done();
  expect({ refused, failed }).toEqual({ refused: 2, failed: 0 });
});
