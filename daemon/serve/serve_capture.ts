import { readAppOptions } from "./app_options.ts";
import type { ServerGroup } from "./server_group.ts";

type ServeFunction = (options: unknown) => unknown;

/**
 * While an app starts, its first Bun.serve (Elysia's listen() calls it too) opens our listeners instead of its own:
 * where to listen is trivet.toml's. Returns a function that ends this.
 */
export function captureServe(group: ServerGroup): () => void {
  const bun = Bun as unknown as { serve: ServeFunction };
  const original = bun.serve;
  bun.serve = (given) => {
    const app = readAppOptions(given);
    if (group.listening || !app) return original(given);
    bun.serve = original;
    group.listen(app);
    return group.server;
  };
  return () => {
    bun.serve = original;
  };
}
