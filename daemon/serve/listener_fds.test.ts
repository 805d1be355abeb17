import { expect, test } from "bun:test";
import { fstatSync } from "node:fs";
import { fdsOnPorts } from "./listener_fds.ts";

test("finds the sockets on a port, those of accepted connections too, and no others", async () => {
  using listener = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const port = listener.port ?? 0;
  const found = fdsOnPorts(new Set([port]));
  expect(found).toHaveLength(1);
  expect(fstatSync(found[0] ?? -1).isSocket()).toBe(true);
  expect(fdsOnPorts(new Set([port, other.port ?? 0]))).toHaveLength(2);
  await listener.stop(true);
  expect(fdsOnPorts(new Set([port]))).toEqual([]);
});
