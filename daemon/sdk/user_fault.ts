/** Where and why a user's file could not be loaded or run, as one sentence that starts with file:line. */
import { readFileSync } from "node:fs";
import { isError, messageOf, shownValue, stackOf, titleOf, within } from "../../shared/thrown_value.ts";

/** A statement that starts its line: formatted code indents the rest. */
const TOP_LEVEL_AWAIT = /^(?:(?:export )?(?:const|let|var) [^=]+= )?await\b/;

interface Place {
  file: string;
  line: number;
}

/** What Bun's BuildMessage and ResolveMessage say, as far as we read it. */
interface BunMessage {
  message: string;
  position?: { file: string; line: number } | null;
  specifier?: string;
  referrer?: string;
}

/** The sentence for anything that was thrown while `file` was loaded. */
export function faultSentence(thrown: unknown, file: string): string {
  // One BuildMessage a syntax error; the first usually causes the others.
  const first = within(() => thrown instanceof AggregateError) ? firstOf(thrown as AggregateError) : thrown;
  const place = placeOf(first, file);
  return `${place ? `${place.file}:${place.line}` : file}: ${reasonOf(first)}`;
}

/** The first line of a stack that is in a user's own file, "file:line"; undefined when there is none. */
export function userPlace(error: Error): string | undefined {
  const place = placeInStack(stackOf(error) ?? "");
  return place && `${place.file}:${place.line}`;
}

/** Where a file's default export stands, or the file alone when it has none. */
export function defaultExportPlace(file: string): string {
  const place = lineWith(file, ["export default"]) ?? lineWith(file, ["export", "default"]);
  return place ? `${place.file}:${place.line}` : file;
}

/** Where a file may wait for ever while it is loaded: the line of its only await at the top level, else the file alone. */
export function loadingPlace(file: string): string {
  try {
    const lines = readFileSync(file, "utf8").split("\n");
    const waiting = lines.flatMap((line, i) => (TOP_LEVEL_AWAIT.test(line) ? [i + 1] : []));
    return waiting.length === 1 ? `${file}:${waiting[0]}` : file;
  } catch {
    // Only a courtesy, as below.
    return file;
  }
}

function firstOf(several: AggregateError): unknown {
  return within(() => several.errors[0] as unknown) ?? several;
}

function placeOf(thrown: unknown, file: string): Place | undefined {
  if (typeof thrown !== "object" || thrown === null) return undefined;
  const told = within(() => {
    const { position, specifier, referrer } = thrown as BunMessage;
    return { specifier, referrer, file: position?.file, line: position?.line };
  });
  if (typeof told?.file === "string") return { file: told.file, line: Number(told.line) };
  const { specifier, referrer } = told ?? {};
  if (typeof specifier === "string" && typeof referrer === "string" && specifier && referrer)
    return lineWith(referrer, [specifier]);
  // An import of a name that the module lacks: Bun says neither file nor line.
  const lacking = /^Export named '(.+)' not found in module '(.+)'\.$/.exec(
    isError(thrown) ? messageOf(thrown) : "",
  );
  if (lacking)
    return lineWith(file, ["import", lacking[1] ?? "", (lacking[2] ?? "").split("/").at(-1) ?? ""]);
  return placeInStack(stackOf(thrown) ?? "");
}

/** Frames look like "at name (/path/app.ts:3:11)" or "at /path/app.ts:3:11". */
function placeInStack(stack: string): Place | undefined {
  const places = [...stack.matchAll(/[( ](\/[^()\n]+?):(\d+)(?::\d+)?\)?$/gm)]
    .map(([, file = "", line]) => ({ file, line: Number(line) }))
    .filter(({ file }) => !file.startsWith("/$bunfs/"));
  return places.find(({ file }) => !file.includes("/node_modules/")) ?? places[0];
}

function lineWith(file: string, parts: readonly string[]): Place | undefined {
  try {
    const lines = readFileSync(file, "utf8").split("\n");
    const at = lines.findIndex((line) => parts.every((part) => line.includes(part)));
    return at < 0 ? undefined : { file, line: at + 1 };
  } catch {
    // Only a courtesy: without the line the sentence still names the file.
    return undefined;
  }
}

function reasonOf(thrown: unknown): string {
  if (!isError(thrown)) {
    const message = within(() => (thrown as BunMessage | null)?.message);
    return typeof message === "string" ? messageOf(message) : `threw ${shownValue(thrown)}`;
  }
  const known = ["Error", "UserError", "BuildMessage", "ResolveMessage"];
  return known.includes(within(() => thrown.name) ?? "Error") ? messageOf(thrown) : titleOf(thrown);
}
