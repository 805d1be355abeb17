import { expect, test } from "bun:test";
import { runTrivet } from "./harness/command.ts";

/** Answers as the description of Linode's API says; the real one needs an account. */
function startApi(respond: (request: Request, asked: number) => Response) {
  let asked = 0;
  return Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => respond(request, ++asked) });
}

const instance = (label: string) => ({
  label,
  tags: ["trivet", "app"],
  ipv4: ["203.0.113.1"],
  region: "eu-central",
  status: "running",
});

test("all pages, asked by tag and with the token; 429 waits as long as it is told", async () => {
  const seen: (string | null)[] = [];
  using api = startApi((request, asked) => {
    if (asked === 1) return new Response("", { status: 429, headers: { "Retry-After": "1" } });
    const page = Number(new URL(request.url).searchParams.get("page"));
    seen.push(request.headers.get("Authorization"), request.headers.get("X-Filter"));
    return Response.json({ data: [instance(`app${page}`)], page, pages: 2, results: 2 });
  });
  const env = { LINODE_API_URL: api.url.origin, LINODE_API_TOKEN: "secret" };
  const { code, stdout } = await runTrivet(["inventory", "--list"], { env });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ app: { hosts: ["app1", "app2"] } });
  expect(new Set(seen)).toEqual(new Set(["Bearer secret", '{"tags":"trivet"}']));
});

test.each([
  [401, "Linode refuses the token: make another one, with linodes:read_only\n"],
  [500, "Linode's API answered 500: try again later\n"],
])("%i is told in a sentence without the token", async (status, stderr) => {
  using api = startApi(() => new Response("", { status }));
  const env = { LINODE_API_URL: api.url.origin, LINODE_API_TOKEN: "secret" };
  expect(await runTrivet(["inventory", "--list"], { env })).toEqual({ code: 1, stdout: "", stderr });
});

test("no token, nobody there, wrong usage; --host has nothing to add", async () => {
  const env = { LINODE_API_TOKEN: undefined, LINODE_TOKEN: undefined };
  expect(await runTrivet(["inventory", "--list"], { env })).toMatchObject({ code: 1 });
  const nobody = { LINODE_API_URL: "http://127.0.0.1:1", LINODE_API_TOKEN: "secret" };
  expect((await runTrivet(["inventory", "--list"], { env: nobody })).stderr).toContain("does not answer");
  expect(await runTrivet(["inventory"], { env })).toMatchObject({ code: 2 });
  expect(await runTrivet(["inventory", "--host", "a"], { env })).toMatchObject({ code: 0, stdout: "{}\n" });
});
