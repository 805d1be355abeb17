import { expect, test } from "bun:test";
import { RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Two backends of one silent server: requests below /own have a timeout of their own. */
function start(server: RawOrigin, edges: string, own: string): Promise<EdgeSite> {
  return EdgeSite.start({
    servers: [server.address],
    tables: `
[proxy.timeouts]
server = "${edges}"
[[proxy.route]]
backend = "a"
[[proxy.route]]
path_prefix = "/own"
backend = "own"
[backend.own]
servers = ["${server.address}"]
timeouts = { server = "${own}" }
`,
  });
}

test.each([
  ["a backend's own timeout is in force for its requests, not the edge's", "1h", "200ms", "/own", "/"],
  ["the edge's timeout is in force for the others", "200ms", "1h", "/", "/own"],
])("%s", async (_, edges, own, quick, patient) => {
  using server = RawOrigin.start(() => undefined);
  await using edge = await start(server, edges, own);
  const answer = edge.get(patient);
  await until(() => server.connections.length === 1, "the server is asked");
  expect((await edge.get(quick)).status).toBe(504);
  server.connections[0]?.send(OK);
  expect((await answer).status).toBe(200);
});
