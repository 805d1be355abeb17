/** A request that ends the process of the app that reads it. */
import { expect, test } from "bun:test";
import { RawConnection } from "../harness/raw_connection.ts";
import { until } from "../harness/until.ts";
import { AppSite } from "./app_site.ts";

const APP = `export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/exit") { console.log("read by " + process.pid); process.exit(1); }
    if (pathname === "/kill") { console.log("read by " + process.pid); process.kill(process.pid, "SIGKILL"); }
    if (pathname === "/loop") { console.log("read by " + process.pid); for (;;); }
    return new Response("ok");
  } };`;

const READS = /^read by (\d+)$/gm;

/** The warnings of requests without an answer. */
function named(site: AppSite): Record<string, unknown>[] {
  const lines = site.trivet.stderr.split("\n").filter((line) => line.includes("without an answer"));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test.each([
  ["GET", "/exit?token=secret", ""],
  ["GET", "/kill", ""],
  ["GET", "/loop", ""],
  ["PUT", "/exit", "body"],
  ["HEAD", "/exit", ""],
  ["POST", "/exit", ""],
])(
  "%s %s takes one process, whose client is told so and which the log names",
  async (method, target, body) => {
    await using site = await AppSite.up({
      files: { "app.ts": APP },
      serve: 'workers = 4\nhang_timeout = "2s"',
    });
    for (const warm of [1, 2, 3, 4, 5, 6, 7, 8])
      expect([warm, await (await fetch(site.edgeUrl)).text()]).toEqual([warm, "ok"]);
    using client = await RawConnection.open(site.edgePort);
    client.send(
      `${method} ${target} HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect((await client.response(method)).status).toBe(502);
    await until(() => named(site).length > 0, "the log names it");
    const [path] = target.split("?");
    expect(named(site)).toEqual([expect.objectContaining({ method, path, route: "/" })]);
    expect(site.trivet.stderr).not.toContain("secret");
    expect(site.trivet.stdout.match(READS)).toHaveLength(1);
    expect(await (await fetch(site.edgeUrl)).text()).toBe("ok");
    await until(
      async () => (await site.children()).filter(({ restarts }) => restarts > 0).length === 1,
      "one was replaced",
    );
  },
);

test("requests that the process had not read go to another", async () => {
  await using site = await AppSite.up({
    files: { "app.ts": APP },
    serve: 'workers = 2\nhang_timeout = "2s"',
  });
  const clients = await Promise.all(Array.from({ length: 4 }, () => RawConnection.open(site.edgePort)));
  // All connections to the process are there before it stands still.
  for (const client of clients) client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  for (const client of clients) expect((await client.response()).status).toBe(200);
  const [poison, ...innocent] = clients;
  poison?.send("GET /loop HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await until(() => READS.test(site.trivet.stdout), "the process stands still");
  for (const client of innocent) client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  expect((await poison?.response())?.status).toBe(502);
  for (const client of innocent) expect((await client.response()).status).toBe(200);
  await until(() => named(site).length > 0, "the log names it");
  expect(named(site)).toHaveLength(1);
  for (const client of clients) client.close();
});

test("a request that the app never answers is named", async () => {
  const app = "export default { fetch: () => new Promise(() => {}) };";
  await using site = await AppSite.up({
    files: { "app.ts": app },
    config: '[proxy.timeouts]\nserver = "500ms"\n',
  });
  expect((await fetch(`${site.edgeUrl}/never?a=1`)).status).toBe(504);
  await until(() => site.trivet.stderr.includes("did not answer this request in time"), "the log names it");
  expect(site.trivet.stderr).toContain('"path":"/never"');
});

test("a request within whose answer the process dies is named", async () => {
  const app = `export default { fetch: () => new Response(new ReadableStream({
    async pull(controller) { controller.enqueue("some"); await Bun.sleep(100); process.exit(1); } })) };`;
  await using site = await AppSite.up({ files: { "app.ts": app } });
  using client = await RawConnection.open(site.edgePort);
  client.send("GET /half?a=1 HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await client.closed();
  expect(client.received.toString()).toContain("some");
  await until(() => site.trivet.stderr.includes("within its answer to this request"), "the log names it");
  expect(site.trivet.stderr).toContain('"path":"/half"');
});
