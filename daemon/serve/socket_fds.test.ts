import { expect, test } from "bun:test";
import { fstatSync } from "node:fs";
import { Folder } from "../../test/harness/folder.ts";
import { RawConnection } from "../../test/harness/raw_connection.ts";
import { until } from "../../test/harness/until.ts";
import { fdsBoundTo } from "./socket_fds.ts";

const fetch = () => new Response();

test("finds the sockets on a port and no others", async () => {
  using listener = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
  using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
  const port = listener.port ?? 0;
  const found = fdsBoundTo(new Set([port]));
  expect(found).toHaveLength(1);
  expect(fstatSync(found[0] ?? -1).isSocket()).toBe(true);
  expect(fdsBoundTo(new Set([port, other.port ?? 0]))).toHaveLength(2);
  await listener.stop(true);
  expect(fdsBoundTo(new Set([port]))).toEqual([]);
});

test("finds accepted connections, also on a unix socket", async () => {
  await using folder = await Folder.make();
  const unix = `${folder.path}/a.sock`;
  using _ = Bun.serve({ unix, fetch });
  using connection = await RawConnection.open({ unix });
  connection.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await connection.response();
  expect(fdsBoundTo(new Set([unix]))).toHaveLength(2);
  connection[Symbol.dispose]();
  await until(() => fdsBoundTo(new Set([unix])).length === 1, "the connection is gone");
});
