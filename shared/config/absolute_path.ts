import { resolve } from "node:path";
import type { BackendConfig, Config } from "./schema.ts";

/** The same config with every path made absolute against the config file's folder. */
export function withAbsolutePaths(config: Config, dir: string): Config {
  return {
    ...config,
    store: { ...config.store, url: afterPrefix("sqlite:", config.store.url, dir) },
    proxy: { ...config.proxy, access_log_to: afterPrefix("file:", config.proxy.access_log_to, dir) },
    backend: Object.fromEntries(
      Object.entries(config.backend).map(([name, backend]) => [name, withSockets(backend, dir)]),
    ),
    serve: {
      ...config.serve,
      app: resolve(dir, config.serve.app),
      folder: config.serve.folder && resolve(dir, config.serve.folder),
      env_file: config.serve.env_file && resolve(dir, config.serve.env_file),
      pid_file: config.serve.pid_file && resolve(dir, config.serve.pid_file),
    },
    worker: {
      ...config.worker,
      handlers: resolve(dir, config.worker.handlers),
      folder: config.worker.folder && resolve(dir, config.worker.folder),
    },
    admin: { ...config.admin, dir: resolve(dir, config.admin.dir) },
  };
}

function withSockets(backend: BackendConfig, dir: string): BackendConfig {
  return {
    ...backend,
    servers: backend.servers.map((server) =>
      typeof server === "string"
        ? afterPrefix("unix:", server, dir)
        : { ...server, address: afterPrefix("unix:", server.address, dir) },
    ),
  };
}

function afterPrefix(prefix: string, text: string, dir: string): string {
  return text.startsWith(prefix) ? prefix + resolve(dir, text.slice(prefix.length)) : text;
}
