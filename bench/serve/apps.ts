/** The same hello in each server's own words: 36 bytes of text for every path. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { SMALL } from "../rig/request.ts";
import type { Rig } from "../rig/rig.ts";

const HELLO = JSON.stringify("x".repeat(SMALL.answered));
const ELYSIA = JSON.stringify(Bun.resolveSync("elysia", import.meta.dir));
/** A script that a rig starts with a line to it says when it listens. */
const READY = `process.send?.("ready");`;

export interface Apps {
  /** For trivet; each in a folder without packages. */
  fetch: string;
  elysia: string;
  /** Scripts that listen by themselves on the port of their first argument. */
  bareFetch: string;
  bareElysia: string;
  /** The second argument: how many processes. */
  nodeCluster: string;
  /** Listens on $PORT; PM2 makes the processes. */
  nodeServer: string;
  psgi: string;
}

export function writeApps(rig: Rig): Apps {
  mkdirSync(join(rig.dir, "fetch"));
  mkdirSync(join(rig.dir, "elysia"));
  const fetchApp = `{ fetch: () => new Response(${HELLO}) }`;
  const elysiaApp = `new Elysia().get("${SMALL.path}", () => ${HELLO})`;
  const nodeApp = `(request, response) => {
  response.writeHead(200, { "content-type": "text/plain", "content-length": ${SMALL.answered} });
  response.end(${HELLO});
}`;
  return {
    fetch: rig.write("fetch/app.ts", `export default ${fetchApp};\n`),
    elysia: rig.write("elysia/app.ts", `import { Elysia } from "elysia";\nexport default ${elysiaApp};\n`),
    bareFetch: rig.write(
      "bare_fetch.ts",
      `Bun.serve({ hostname: "127.0.0.1", port: Number(process.argv[2]), reusePort: true, development: false, ...${fetchApp} });
${READY}
`,
    ),
    bareElysia: rig.write(
      "bare_elysia.ts",
      `import { Elysia } from ${ELYSIA};
${elysiaApp}.listen({ hostname: "127.0.0.1", port: Number(process.argv[2]), reusePort: true });
${READY}
`,
    ),
    nodeCluster: rig.write(
      "cluster.mjs",
      `import cluster from "node:cluster";
import { createServer } from "node:http";
const [port, processes] = process.argv.slice(2).map(Number);
if (cluster.isPrimary) for (let i = 0; i < processes; i++) cluster.fork();
else createServer({ keepAliveTimeout: 75_000 }, ${nodeApp}).listen({ host: "127.0.0.1", port, backlog: 1024 });
`,
    ),
    nodeServer: rig.write(
      "server.cjs",
      `require("node:http").createServer({ keepAliveTimeout: 75_000 }, ${nodeApp})
  .listen({ host: "127.0.0.1", port: Number(process.env.PORT), backlog: 1024 });
`,
    ),
    psgi: rig.write(
      "app.psgi",
      `my $hello = ${HELLO};
sub { [200, ["Content-Type" => "text/plain", "Content-Length" => ${SMALL.answered}], [$hello]] };
`,
    ),
  };
}
