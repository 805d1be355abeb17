/** What an app learns of clients and health, directly and behind the edge of the same supervisor. */
import { describe, expect, test } from "bun:test";
import { AppSite } from "./app_site.ts";

const FORGED = { "x-real-ip": "9.9.9.9", "x-forwarded-for": "9.9.9.9" };
const HONO = Bun.resolveSync("hono", import.meta.dir);

const answer = async (url: string, headers: Record<string, string> = {}) => {
  const response = await fetch(url, { headers });
  return `${response.status} ${await response.text()}`;
};

describe("server.requestIP", () => {
  const files = {
    "app.ts": `export default { fetch: (request, server) => Response.json(server.requestIP(request)) };`,
  };
  const direct = { address: "127.0.0.1", family: "IPv4" };

  test("is the client of the connection, whatever it claims; behind the edge it is the edge's client", async () => {
    await using site = await AppSite.up({ files });
    for (const url of [site.url, site.edgeUrl]) {
      const seen: unknown = await (await fetch(url, { headers: FORGED })).json();
      expect(seen).toMatchObject(direct);
    }
  });

  test("believes whom the edge believes, and is nobody where the edge knows nobody", async () => {
    await using site = await AppSite.up({ files, proxy: 'trusted_proxies = ["127.0.0.1/32"]\n' });
    const seen = async (forwardedFor: string) =>
      (
        await fetch(site.edgeUrl, { headers: { "x-forwarded-for": forwardedFor } })
      ).json() as Promise<unknown>;
    expect(await seen("192.0.2.7")).toEqual({ address: "192.0.2.7", family: "IPv4", port: 0 });
    expect(await seen("2001:db8::7")).toEqual({ address: "2001:db8::7", family: "IPv6", port: 0 });
    expect(await seen("unknown")).toBeNull();
    const asked: unknown = await (await fetch(site.url, { headers: FORGED })).json();
    expect(asked).toMatchObject(direct);
  });

  test("in an Elysia app, by app.server", async () => {
    const elysia = `import { Elysia } from "elysia";
      export default new Elysia().get("/", ({ server, request }) => server.requestIP(request).address);`;
    await using site = await AppSite.up({ files: { "app.ts": elysia } });
    expect(await answer(site.edgeUrl, FORGED)).toBe("200 127.0.0.1");
  });
});

test("the server tells address and protocol, and closes idle connections", async () => {
  const app = `export default { fetch: (_, server) =>
    Response.json([server.address, server.protocol, typeof server.closeIdleConnections()]) };`;
  await using site = await AppSite.start({ files: { "app.ts": app } });
  const seen: unknown = await (await fetch(site.url)).json();
  expect(seen).toEqual([{ address: "127.0.0.1", family: "IPv4", port: site.port }, "http", "number"]);
});

describe("health where the app has a route for any path", () => {
  const MISSING = '({ status }) => status(422, "no such page")';
  const apps = {
    Elysia: `import { Elysia } from "elysia"; export default new Elysia().get("/:page", ${MISSING});`,
    "Elysia with late routes": `import { Elysia } from "elysia";
      export default new Elysia().use(Bun.sleep(1).then(() => new Elysia().get("/:page", ${MISSING})));`,
    Hono: `import { Hono } from "${HONO}"; export default new Hono().get("/:page", (c) => c.text("no such page", 422));`,
    routes: `export default { routes: { "/:page": () => new Response("no such page", { status: 422 }) } };`,
  };
  for (const [name, app] of Object.entries(apps)) {
    test(name, async () => {
      await using site = await AppSite.up({ files: { "app.ts": app } });
      for (const path of ["/healthz", "/readyz"]) expect(await answer(site.edgeUrl + path)).toBe("200 ok");
      expect(await answer(`${site.edgeUrl}/other`)).toBe("422 no such page");
    });
  }

  test("its own route for that very path comes first", async () => {
    const app = `import { Elysia } from "elysia";
      export default new Elysia().get("/:page", "page").get("/healthz", ({ status }) => status(503, "own"));`;
    await using site = await AppSite.start({ files: { "app.ts": app } });
    expect(await answer(`${site.url}/healthz`)).toBe("503 own");
    expect(await answer(`${site.url}/readyz`)).toBe("200 ok");
  });
});
