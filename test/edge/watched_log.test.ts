/** The access log as a person at a terminal sees it. */
import { expect, test } from "bun:test";
import { trivetBinary } from "../harness/binary.ts";
import { Folder } from "../harness/folder.ts";
import { freePort } from "../harness/free_port.ts";
import { Origin } from "../harness/origin.ts";
import { RawConnection } from "../harness/raw_connection.ts";
import { until } from "../harness/until.ts";

const COLUMNS = 70;

/** What the terminal got when requests for these targets were answered, and `seen` stood there. */
async function watched(
  proxy: string,
  env: Record<string, string>,
  targets: string[],
  seen: string,
): Promise<string[]> {
  await using origin = Origin.start("a");
  const port = await freePort();
  await using folder = await Folder.make({
    "trivet.toml": `
[admin]
dir = "run"
http = ""
[proxy]
listen = [{ address = "127.0.0.1:${port}" }]
workers = 1
${proxy}
[[proxy.route]]
path_prefix = "/gone"
backend = "gone"
[[proxy.route]]
backend = "a"
[backend.a]
servers = [{ address = "${origin.address}" }]
[backend.gone]
servers = [{ address = "127.0.0.1:1" }]
`,
  });
  let said = "";
  await using terminal = new Bun.Terminal({
    cols: COLUMNS,
    rows: 50,
    data: (_, bytes) => {
      said += new TextDecoder().decode(bytes);
    },
  });
  const command = [trivetBinary(), "proxy", "-c", "trivet.toml"];
  const running = Bun.spawn(command, {
    cwd: folder.path,
    terminal,
    env: { ...process.env, NO_COLOR: "", TERM: "xterm", ...env },
  });
  try {
    await until(async () => {
      using connection = await RawConnection.open(port);
      return connection;
    }, "the edge listens");
    for (const target of targets) {
      using connection = await RawConnection.open(port);
      connection.send(
        Buffer.from(`GET ${target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`, "latin1"),
      );
      await connection.response();
    }
    await until(() => said.includes(seen), `${seen} is there`);
  } finally {
    running.kill("SIGTERM");
    await running.exited;
  }
  return said.replaceAll("\x1b", "ESC").split("\r\n");
}

test("one short line an exchange, coloured by the status's class, cut to the width", async () => {
  const long = `/${"x".repeat(200)}`;
  const lines = await watched("", {}, ["/cart?page=2", long, "/gone"], "/gone");
  const line = (part: string) => lines.find((one) => one.includes(part)) ?? "";
  expect(line("/cart")).toMatch(
    /^\d\d:\d\d:\d\d ESC\[32m200ESC\[0m GET a\.test\/cart\?page=2 [\d.]+m?s \d+B$/,
  );
  expect(line("/gone")).toMatch(/ ESC\[31m502ESC\[0m GET a\.test\/gone [\d.]+m?s \d+B connect_failed$/);
  expect(line("/xx")).toMatch(/x\.\.\. [\d.]+m?s \d+B$/);
  expect(Bun.stripANSI(line("/xx").replaceAll("ESC", "\x1b"))).toHaveLength(COLUMNS);
});

test("without colours for NO_COLOR, and nothing of a request is obeyed", async () => {
  const lines = await watched("", { NO_COLOR: "1" }, ["/%1b[2J", "/a\x1b[2J\x9b"], "<BADREQ>");
  expect(lines.find((one) => one.includes(" GET "))).toMatch(
    /^\d\d:\d\d:\d\d \d{3} GET a\.test\/%1b\[2J [\d.]+m?s /,
  );
  expect(lines.find((one) => one.includes("<BADREQ>"))).toMatch(
    /^\d\d:\d\d:\d\d 400 - <BADREQ> [\d.]+m?s \d+B refused$/,
  );
  expect(lines.join("")).not.toMatch(/ESC|\u009b/);
});

test("HAProxy's format stays what it is", async () => {
  const lines = await watched('access_log = "haproxy"', {}, ["/"], "GET / HTTP/1.1");
  expect(lines.find((one) => one.includes("GET /"))).toMatch(/^127\.0\.0\.1:\d+ \[.*"GET \/ HTTP\/1\.1"$/);
});
