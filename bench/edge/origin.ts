import { asOurselves } from "../rig/peers.ts";
import { FILE, PAGE, SMALL } from "../rig/request.ts";
import type { Rig } from "../rig/rig.ts";

export interface Origin {
  port: number;
  /** The same origin on a unix socket. */
  socket: string;
}

/** nginx with fixed bodies: small ones from memory, the others from files that the kernel has cached. */
export async function startOrigin(rig: Rig, core: number | undefined): Promise<Origin> {
  const port = rig.freePort();
  const socket = `${rig.dir}/origin.sock`;
  for (const { path, answered } of [PAGE, FILE]) rig.write(path.slice(1), Buffer.alloc(answered, "x"));
  const config = rig.write(
    "origin.conf",
    `${asOurselves()}
worker_processes 1; daemon off; pid ${rig.dir}/origin.pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off; default_type text/plain; root ${rig.dir};
  sendfile on; tcp_nopush on; open_file_cache max=10;
  keepalive_requests 1000000000; keepalive_timeout 300s;
  # A request with its body comes in by one read.
  client_header_buffer_size 32k; client_body_temp_path ${rig.dir}/origin-bodies;
  server {
    listen 127.0.0.1:${port} backlog=4096; listen unix:${socket} backlog=4096;
    location = ${SMALL.path} { return 200 "${"x".repeat(SMALL.answered)}"; }
    location = /post { return 200 "${"x".repeat(SMALL.answered)}"; }
  }
}
`,
  );
  await rig.ready("the origin", rig.start(["nginx", "-c", config], core), port);
  return { port, socket };
}
