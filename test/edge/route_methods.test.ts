import { expect, test } from "bun:test";
import { until } from "../harness/until.ts";
import { EchoOrigin } from "./echo_origin.ts";
import { EdgeSite } from "./edge_site.ts";

const TABLES = `
[[proxy.route]]
path_prefix = "/read"
methods = ["GET"]
backend = "a"
[[proxy.route]]
path_prefix = "/both"
methods = ["POST", "PUT"]
respond = { body = "write" }
[[proxy.route]]
path_prefix = "/both"
methods = ["GET"]
respond = { body = "read" }
[[proxy.route]]
path_prefix = "/rest"
methods = ["DELETE"]
respond = { body = "delete" }
[[proxy.route]]
path_prefix = "/rest"
respond = { body = "rest" }
`;

async function ask(edge: EdgeSite, method: string, target: string) {
  using client = await edge.open();
  client.send(
    `${method} ${target} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhiGET /both HTTP/1.1\r\n`,
  );
  return await client.response(method);
}

test("a route is only for its methods", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], tables: TABLES });
  const said = async (method: string, target: string) => {
    const { status, body } = await ask(edge, method, target);
    return [status, body.toString()];
  };
  expect(await said("GET", "/read")).toEqual([200, "ok"]);
  expect(await said("HEAD", "/read")).toEqual([200, ""]);
  expect(await said("POST", "/both/x")).toEqual([200, "write"]);
  expect(await said("GET", "/both")).toEqual([200, "read"]);
  expect(await said("DELETE", "/rest")).toEqual([200, "delete"]);
  expect(await said("PATCH", "/rest?x")).toEqual([200, "rest"]);
  expect((await ask(edge, "GET", "/none")).status).toBe(404);
});

test("only other methods have a route: 405 says which", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], tables: TABLES });
  for (const [method, target, allow] of [
    ["POST", "/read", "GET, HEAD"],
    ["get", "/read", "GET, HEAD"],
    ["DELETE", "/both", "POST, PUT, GET, HEAD"],
    ["OPTIONS", "/both", "POST, PUT, GET, HEAD"],
  ] as const) {
    const { status, headers } = await ask(edge, method, target);
    expect([method, status, headers.get("allow")]).toEqual([method, 405, allow]);
  }
  expect(origin.requests).toHaveLength(0);
  await until(() => edge.lines().length === 4, "the lines");
  for (const line of edge.lines())
    expect(line).toMatchObject({ status: 405, ended: "refused", state: "PR--" });
});
