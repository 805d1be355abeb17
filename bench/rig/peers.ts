import { userInfo } from "node:os";
import { resolve } from "node:path";
import type { Rig, Running } from "./rig.ts";

/** "127.0.0.1:PORT" or "unix:PATH". */
type ServerAddress = string;

export interface Place {
  rig: Rig;
  core?: number | undefined;
}

export interface TrivetOptions {
  binary: string;
  log?: "json" | "off";
  workers?: number;
  /** Of everything that may stay silent. */
  silenceS?: number;
}

export function startTrivet(
  { rig, core }: Place,
  name: string,
  servers: readonly ServerAddress[],
  { binary, log = "off", workers = 1, silenceS = 300 }: TrivetOptions,
): Promise<Running> {
  const port = rig.freePort();
  const config = rig.write(
    `trivet-${port}.toml`,
    `[proxy]
workers = ${workers}
access_log = "${log}"
access_log_to = "file:${rig.dir}/access-${port}.log"
[[proxy.listen]]
address = "127.0.0.1:${port}"
[proxy.timeouts]
client = "${silenceS}s"
server = "${silenceS}s"
keep_alive = "${silenceS}s"
[[proxy.route]]
backend = "app"
[backend.app]
servers = ${JSON.stringify(servers)}
[admin]
dir = "${rig.dir}/admin-${port}"
http = ""
`,
  );
  return rig.ready(name, rig.start([resolve(binary), "proxy", "-c", config], core), port);
}

export function startHaproxy(
  { rig, core }: Place,
  name: string,
  servers: readonly ServerAddress[],
  connectionsMax: number,
  { serverMax }: { serverMax?: number } = {},
): Promise<Running> {
  const port = rig.freePort();
  const most = serverMax === undefined ? "" : ` maxconn ${serverMax}`;
  const config = rig.write(
    `haproxy-${port}.cfg`,
    `global
  nbthread 1
  maxconn ${connectionsMax}
  no strict-limits
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s
  option forwardfor
frontend edge
  bind 127.0.0.1:${port} backlog 4096
  default_backend app
backend app
  balance roundrobin
  http-reuse always
${servers.map((server, i) => `  server s${i} ${server.replace("unix:", "unix@")}${most}`).join("\n")}
`,
  );
  return rig.ready(name, rig.start(["haproxy", "-f", config], core), port);
}

export function startNginx(
  { rig, core }: Place,
  name: string,
  servers: readonly ServerAddress[],
  connectionsMax: number,
  { keep = true }: { keep?: boolean } = {},
): Promise<Running> {
  const port = rig.freePort();
  // Unless told so, nginx opens a connection to the server for each request.
  const kept = keep ? "keepalive 256; keepalive_requests 1000000000; keepalive_timeout 300s;" : "";
  const reuse = keep ? 'proxy_http_version 1.1; proxy_set_header Connection "";' : "";
  const config = rig.write(
    `nginx-${port}.conf`,
    `${asOurselves()}
worker_processes 1; daemon off; pid ${rig.dir}/nginx-${port}.pid; error_log stderr crit;
events { worker_connections ${connectionsMax + 500}; }
http {
  access_log off; keepalive_timeout 300s; keepalive_requests 1000000000;
  client_body_temp_path ${rig.dir}/nginx-bodies; proxy_temp_path ${rig.dir}/nginx-answers;
  upstream app {
    ${servers.map((server) => `server ${server};`).join(" ")}
    ${kept}
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://app; proxy_read_timeout 300s; ${reuse}
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host;
    }
  }
}
`,
  );
  return rig.ready(name, rig.start(["nginx", "-c", config], core), port);
}

/** nginx as root would give up its rights, and with them the folder of the rig. */
export function asOurselves(): string {
  return userInfo().uid === 0 ? "user root;" : "";
}
