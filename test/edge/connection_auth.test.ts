/** Servers that take whatever comes on a connection for the client that authenticated there (NTLM, Negotiate). */
import { expect, test } from "bun:test";
import type { RawConnection } from "../harness/raw_connection.ts";
import { type OriginConnection, RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { configOf, EdgeSite } from "./edge_site.ts";

const ADMIN = '\n[admin]\ndir = "run"\nhttp = ""\n';

/** The challenge of a server that takes every proof: NTLMSSP message 2 ([MS-NLMP] §2.2.1.2). */
const CHALLENGE = Buffer.from(
  "4e544c4d53535000020000000000000030000000018200000123456789abcdef00000000000000000000000000000000",
  "hex",
).toString("base64");

/** Says who asks, as far as its connection knows. `says`: how it asks for credentials. */
function windowsServer(says = "WWW-Authenticate: NTLM") {
  const users = new Map<OriginConnection, string>();
  const challenged = new Set<OriginConnection>();
  const headOf = (status: string, body: string, fields = "") =>
    `HTTP/1.1 ${status}\r\n${fields}Content-Length: ${body.length}\r\n\r\n`;
  const wholeOf = (status: string, body: string, fields = "") => headOf(status, body, fields) + body;
  const origin = RawOrigin.start((connection, bytes) => {
    const text = bytes.toString();
    const answer = text.startsWith("HEAD") ? headOf : wholeOf;
    const [, scheme, said] = /^(?:proxy-)?authorization: (\w+) (\S+)\r$/im.exec(text) ?? [];
    const status = says.startsWith("Proxy") ? "407 Proxy Authentication Required" : "401 Unauthorized";
    if (said === "hello") {
      challenged.add(connection);
      connection.send(answer(status, "prove it", `${says.split(":")[0]}: ${scheme} challenge\r\n`));
    } else if (said?.startsWith("ticket-") || (said && challenged.has(connection))) {
      users.set(connection, said.replace(/^(ticket|proof)-/, ""));
      connection.send(answer("200 OK", users.get(connection) ?? ""));
    } else if (users.has(connection)) connection.send(answer("200 OK", users.get(connection) ?? ""));
    else connection.send(answer(status, "who?", `${says}\r\n`));
  });
  return { origin, users };
}

async function ask(client: RawConnection, fields = "", method = "GET"): Promise<[number, string]> {
  client.send(`${method} / HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`);
  const { status, body } = await client.response(method);
  return [status, body.toString()];
}

test.each([
  ["WWW-Authenticate: NTLM", "Authorization: NTLM"],
  ["WWW-Authenticate: Negotiate", "Authorization: Negotiate"],
  ['www-authenticate: Basic realm="a", negotiate', "authorization: NEGOTIATE"],
  ["Proxy-Authenticate: NTLM", "Proxy-Authorization: NTLM"],
])("%s: the handshake works among others' requests, and nobody else is alice", async (says, credentials) => {
  const [one, two] = [windowsServer(says), windowsServer(says)];
  using _one = one.origin;
  using _two = two.origin;
  await using edge = await EdgeSite.start({ servers: [one.origin.address, two.origin.address] });
  const refused = says.startsWith("Proxy") ? 407 : 401;
  using alice = await edge.open();
  using bob = await edge.open();
  const steps = [
    ["", [refused, "who?"]],
    [`${credentials} hello\r\n`, [refused, "prove it"]],
    [`${credentials} proof-alice\r\n`, [200, "alice"]],
    ["", [200, "alice"]],
    ["", [200, "alice"]],
  ] as const;
  for (const [fields, answer] of steps) {
    expect(await ask(alice, fields)).toEqual([...answer]);
    for (let i = 0; i < 3; i++) expect(await ask(bob)).toEqual([refused, "who?"]);
    using stranger = await edge.open();
    expect(await ask(stranger)).toEqual([refused, "who?"]);
  }
  const hers = [...one.users, ...two.users];
  expect(hers.map(([, user]) => user)).toEqual(["alice"]);
  alice.close();
  await until(() => hers.every(([{ ended }]) => ended), "her connection ends with her");
  expect(await ask(bob)).toEqual([refused, "who?"]);
});

test("credentials sent unasked make the connection private too, also a HEAD's and across a reload", async () => {
  const { origin, users } = windowsServer("WWW-Authenticate: Basic");
  using _ = origin;
  const servers = [origin.address];
  await using edge = await EdgeSite.start({ servers });
  using bob = await edge.open();
  using alice = await edge.open();
  // The connection that waits is one that bob used.
  expect(await ask(bob)).toEqual([401, "who?"]);
  const ticket = "Authorization: Negotiate ticket-alice\r\n";
  expect((await ask(alice, ticket, "HEAD"))[0]).toBe(200);
  expect(await ask(bob)).toEqual([401, "who?"]);
  expect(await ask(alice)).toEqual([200, "alice"]);
  await edge.trivet.folder.write(
    "trivet.toml",
    configOf(edge.port, { servers, backend: "retries = 1" }) + ADMIN,
  );
  expect((await edge.trivet.run(["reload"])).code).toBe(0);
  expect(await ask(bob)).toEqual([401, "who?"]);
  expect(await ask(alice)).toEqual([200, "alice"]);
  expect(users.size).toBe(1);
});

test("when the server ends her connection, the next request is answered on another, for nobody", async () => {
  const { origin, users } = windowsServer();
  using _ = origin;
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using alice = await edge.open();
  await ask(alice, "Authorization: NTLM hello\r\n");
  expect(await ask(alice, "Authorization: NTLM proof-alice\r\n")).toEqual([200, "alice"]);
  const [hers] = users.keys();
  hers?.end();
  await until(() => hers?.ended, "it is closed on both sides");
  expect(await ask(alice)).toEqual([401, "who?"]);
});

test("with max_connections, who only holds a connection gives way to requests", async () => {
  const { origin } = windowsServer();
  using _ = origin;
  await using edge = await EdgeSite.start({ servers: [{ address: origin.address, max_connections: 2 }] });
  const open = () => origin.connections.filter(({ ended }) => !ended).length;
  const clients = await Promise.all(Array.from({ length: 4 }, () => edge.open()));
  for (const client of clients) {
    expect(await ask(client, "Authorization: NTLM hello\r\n")).toEqual([401, "prove it"]);
    expect(await ask(client, "Authorization: NTLM proof-x\r\n")).toEqual([200, "x"]);
    await until(() => open() <= 2, "no more than two are open");
  }
  expect(await ask(clients[3] as RawConnection)).toEqual([200, "x"]);
  expect(await ask(clients[0] as RawConnection)).toEqual([401, "who?"]);
  for (const client of clients) client.close();
});

test("a server that is drained is left by those who hold a connection to it", async () => {
  const { origin, users } = windowsServer();
  using _ = origin;
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using alice = await edge.open();
  await ask(alice, "Authorization: NTLM hello\r\n");
  expect(await ask(alice, "Authorization: NTLM proof-alice\r\n")).toEqual([200, "alice"]);
  expect((await edge.trivet.run(["backend", "drain", "a", origin.address])).code).toBe(0);
  await until(() => [...users.keys()].every(({ ended }) => ended), "her connection is closed");
});

test("curl --ntlm is let in, and only curl", async () => {
  const known = new Set<OriginConnection>();
  using origin = RawOrigin.start((connection, bytes) => {
    const message = /^authorization: NTLM (\S+)\r$/im.exec(bytes.toString())?.[1];
    const kind = message === undefined ? 0 : Buffer.from(message, "base64")[8];
    if (kind === 3) known.add(connection);
    const answer =
      kind === 1 ? `401 Unauthorized\r\nWWW-Authenticate: NTLM ${CHALLENGE}` : "401 Unauthorized";
    const asks = kind === 0 ? "\r\nWWW-Authenticate: NTLM" : "";
    const status = known.has(connection) ? "200 OK" : answer + asks;
    connection.send(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\n--`);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  const url = `http://127.0.0.1:${edge.port}/`;
  const curl = Bun.spawn(
    [
      "curl",
      "-s",
      "--ntlm",
      "-u",
      "alice:secret",
      "-w",
      "%{http_code} ",
      "-o",
      "/dev/null",
      url,
      url,
      "-o",
      "/dev/null",
    ],
    { stdout: "pipe" },
  );
  using bob = await edge.open();
  while (curl.exitCode === null) expect((await ask(bob))[0]).toBe(401);
  expect(await new Response(curl.stdout).text()).toBe("200 200 ");
  expect((await ask(bob))[0]).toBe(401);
});
