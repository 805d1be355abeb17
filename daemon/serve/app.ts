/** From the user's app file to an app that listens. */
import { log } from "../../shared/log.ts";
import { stackOf, within } from "../../shared/thrown_value.ts";
import { UserError } from "../../shared/user_error.ts";
import { importUserFile } from "../sdk/user_code.ts";
import { defaultExportPlace, faultSentence } from "../sdk/user_fault.ts";
import { type AppOptions, pathsIn, readAppOptions } from "./app_options.ts";
import { captureServe } from "./serve_capture.ts";
import type { ServerGroup } from "./server_group.ts";
import { listeningPorts } from "./socket_fds.ts";

const LISTENED_MS = 50;

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
  listen(port: number): unknown;
  stop(): Promise<unknown>;
}

/** Loads the app and opens the group's listeners for it. Throws a UserError with file and line when it can't. */
export async function startApp(file: string, group: ServerGroup): Promise<StopApp> {
  const endCapture = captureServe(group);
  try {
    const { default: app } = await importUserFile(file);
    if (isElysia(app)) return await startElysia(app, file, group);
    const options = readAppOptions(app);
    if (options) openFor(options, file, group);
    else if (!group.listening) throw await noApp(file, group);
    return () => group.drain();
  } finally {
    endCapture();
  }
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

async function noApp(file: string, group: ServerGroup): Promise<UserError> {
  // Servers of node:http listen a little later than they say.
  await Bun.sleep(LISTENED_MS);
  const port = listeningPorts().find((listened) => !group.hasPort(listened));
  const reason = port
    ? `the app listens on port ${port} by itself, as servers of node:http do, and can't be run here: give it a default export with fetch(), or start it alone and name its address as a server of a backend`
    : "the default export must have fetch()";
  return new UserError(`${defaultExportPlace(file)}: ${reason}`);
}

/** listen() gives Bun.serve the routes and WebSocket handlers, sets app.server and runs onStart; stop() runs onStop. */
async function startElysia(app: ElysiaLike, file: string, group: ServerGroup): Promise<StopApp> {
  try {
    await pluginsLoaded(app);
    if (!group.listening) app.listen(0);
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
