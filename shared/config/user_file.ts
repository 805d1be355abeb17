import { existsSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import { sentenceOf } from "../user_error.ts";
import type { Fault } from "./config_error.ts";
import type { LineMap } from "./line_map.ts";
import type { Path } from "./problem.ts";
import type { Config } from "./schema.ts";
import { asItIs, type Shown } from "./written.ts";

/** By the end of the name. Bun takes JSX in .js too (bun.sh/docs/runtime/loaders). */
const LOADERS = { ts: "ts", tsx: "tsx", js: "jsx", jsx: "jsx" } as const;

/** The user's own files that this config uses and that are not there, or are no TypeScript. */
export function userFileFaults(config: Config, lines: LineMap, shown: Shown = asItIs): Fault[] {
  const faults: Fault[] = [];
  const need = (path: Path, file: string, what: string) => {
    const name = shown(path, file);
    const reason = existsSync(file) ? syntaxFault(file, name) : `there is no ${what} ${name}`;
    if (reason) faults.push({ line: lines.lineOf(path), sentence: `${path.join(".")}: ${reason}` });
  };
  const { app } = config.serve;
  const { handlers } = config.worker;
  // "trivet up" runs what is there, whether a section speaks of it or not.
  if (lines.has(["serve"]) || usesServe(config) || existsSync(app)) need(["serve", "app"], app, "app");
  if (lines.has(["worker"]) || existsSync(handlers)) need(["worker", "handlers"], handlers, "handlers file");
  return faults.sort((a, b) => a.line - b.line);
}

/** Where a file can't be parsed, and why. It is not run, nor are its imports looked at. `name`: what it is called. */
function syntaxFault(file: string, name: string): string | undefined {
  const end = extname(file).slice(1);
  if (!Object.hasOwn(LOADERS, end)) return undefined;
  const loader = LOADERS[end as keyof typeof LOADERS];
  try {
    new Bun.Transpiler({ loader }).scan(readFileSync(file, "utf8"));
    return undefined;
  } catch (error) {
    const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
    const { position } = first as { position?: { line: number } | null };
    return `${name}${position ? `:${position.line}` : ""}: ${sentenceOf(first)}`;
  }
}

/** Whether requests go to the app server of the same `trivet up`. */
function usesServe({ proxy, backend }: Config): boolean {
  const servers = Object.values(backend).flatMap((group) => group.servers);
  return (
    proxy.route.some((route) => route.backend === "serve:") ||
    servers.some((server) => (typeof server === "string" ? server : server.address) === "serve:")
  );
}
