/** From the user's app file to an app that listens. */
import { readFileSync } from "node:fs";
import { log } from "../../shared/log.ts";
import { stackOf, within } from "../../shared/thrown_value.ts";
import { UserError } from "../../shared/user_error.ts";
import { sourceFiles } from "../sdk/source_files.ts";
import { importMainFile } from "../sdk/user_code.ts";
import { defaultExportPlace, faultSentence } from "../sdk/user_fault.ts";
import { type AppOptions, pathsIn, readAppOptions } from "./app_options.ts";
import { captureServe } from "./serve_capture.ts";
import type { ServerGroup } from "./server_group.ts";
import { listeningPorts } from "./socket_fds.ts";

/** Servers of node:http listen a little later than they say. */
const LISTENED_MS = 50;
const LISTENS = /\b(?:listen|serve)\s*\(/;

/** Runs an app's own code when its listeners are gone. */
export type StopApp = () => Promise<void>;

/** Elysia, as far as we need it; recognised by what it does, since the user's copy is not our class. */
interface ElysiaLike {
  modules: PromiseLike<unknown>;
  /** What `modules` waits for. */
  promisedModules?: { onError?: (error: unknown) => void };
  server: unknown;
  routes?: unknown;
  compile(): unknown;
  handleError?: (context: unknown, error: unknown, ...rest: unknown[]) => unknown;
  listen(port: number, then?: unknown): unknown;
  stop(): Promise<unknown>;
}

/** Loads the app and opens the group's listeners for it. Throws a UserError with file and line when it can't. */
export async function startApp(file: string, group: ServerGroup): Promise<StopApp> {
  captureServe(group);
  const { default: app } = await importMainFile(file);
  if (isElysia(app)) return startElysia(app, file, group);
  const stop = () => group.drain();
  if (canListen(app)) {
    await listenBy(app, file, group);
    return stop;
  }
  // The server is what the app's own Bun.serve() has given it.
  const options = app === group.server ? undefined : readAppOptions(app);
  if (options) openFor(options, file, group);
  else await listening(file, group);
  return stop;
}

/** Express, Koa, Fastify, a server of node:http: what has no fetch(), but can listen. */
function canListen(app: unknown): app is { listen(at: object): unknown } {
  const { listen, fetch } = (app ?? {}) as Record<string, unknown>;
  return typeof listen === "function" && typeof fetch !== "function";
}

async function listenBy(
  app: { listen(at: object): unknown },
  file: string,
  group: ServerGroup,
): Promise<void> {
  try {
    if (!group.listening) await Promise.all([app.listen({ port: 0 }), group.whenListening()]);
  } catch (error) {
    throw error instanceof UserError ? error : new UserError(faultSentence(error, file), 1, { cause: error });
  }
}

/** An app that listens by itself may do so some time after it was loaded: boot_timeout says how long. */
async function listening(file: string, group: ServerGroup): Promise<void> {
  if (group.listening) return;
  await Promise.race([group.whenListening(), Bun.sleep(LISTENED_MS)]);
  if (group.listening) return;
  const port = listeningPorts().find((listened) => !group.hasPort(listened));
  if (port !== undefined) throw new UserError(`${defaultExportPlace(file)}: ${listensElsewhere(port)}`);
  if (!mayListen(file))
    throw new UserError(`${defaultExportPlace(file)}: the default export must have fetch()`);
  await group.whenListening();
}

function listensElsewhere(port: number): string {
  return `the app listens on port ${port} by itself, as servers of node:net and node:http2 do, and can't be run here: give it a default export with fetch(), or start it alone and name its address as a server of a backend`;
}

/** Whether its code, or that of a file it imports, speaks of such a thing. */
function mayListen(file: string): boolean {
  return [...sourceFiles([file])].some((path) => {
    try {
      return LISTENS.test(readFileSync(path, "utf8"));
    } catch {
      // An import that leads nowhere; the code was loaded without it.
      return false;
    }
  });
}

function openFor(options: AppOptions, file: string, group: ServerGroup): void {
  try {
    if (group.listening) group.use(options);
    else group.listen(options);
  } catch (error) {
    if (error instanceof UserError || !(error instanceof Error)) throw error;
    throw new UserError(`${defaultExportPlace(file)}: ${error.message}`);
  }
}

/** listen() gives Bun.serve the routes and WebSocket handlers, sets app.server and runs onStart; stop() runs onStop. */
async function startElysia(app: ElysiaLike, file: string, group: ServerGroup): Promise<StopApp> {
  try {
    await pluginsLoaded(app);
    if (!group.listening) app.listen(0);
    ignoreListen(app);
    // listen() compiles once more when they are there, which sets handleError anew.
    await app.modules;
    group.learnPaths(pathsIn(app.routes));
    logFaults(app, file);
  } catch (error) {
    throw error instanceof UserError ? error : new UserError(faultSentence(error, file), 1, { cause: error });
  }
  return async () => {
    const drained = group.drain();
    // It calls group.server.stop(), and then the app's own onStop.
    if (app.server === group.server) await app.stop();
    await drained;
  };
}

/** Of an app that we had listen already, by what it does later itself. */
function ignoreListen(app: ElysiaLike): void {
  app.listen = (_port: number, then?: unknown) => {
    if (typeof then === "function") (then as (server: unknown) => void)(app.server);
    return app;
  };
}

/** Plugins that load asynchronously bring routes. Elysia prints what they throw and goes on without them: half an app. */
async function pluginsLoaded(app: ElysiaLike): Promise<void> {
  const faults: unknown[] = [];
  if (app.promisedModules) app.promisedModules.onError = (error) => faults.push(error);
  await app.modules;
  if (faults.length > 0) throw faults[0];
}

/**
 * Elysia answers 500 and says nothing. What no onError of the app answered comes by here; an onError of ours, added
 * after the routes, would not see it. Errors that carry a status below 500 are the app's way to answer.
 */
function logFaults(app: ElysiaLike, file: string): void {
  const original = app.handleError;
  if (!original) return;
  app.handleError = (context, error, ...rest) => {
    const status = within(() => (error as { status?: unknown }).status);
    if (typeof status !== "number" || status >= 500)
      log.error({ stack: stackOf(error) }, faultSentence(error, file));
    return original.call(app, context, error, ...rest);
  };
}

function isElysia(app: unknown): app is ElysiaLike {
  if (typeof app !== "object" || app === null) return false;
  const { compile, listen, stop } = app as Record<string, unknown>;
  return "modules" in app && [compile, listen, stop].every((method) => typeof method === "function");
}
