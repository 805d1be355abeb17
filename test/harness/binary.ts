import { existsSync } from "node:fs";
import { resolve } from "node:path";

/** The compiled trivet under test: TRIVET_BIN, or the one bin/build makes. */
export function trivetBinary(): string {
  const path = resolve(process.env["TRIVET_BIN"] ?? resolve(import.meta.dir, "../../dist/trivet"));
  if (!existsSync(path)) throw new Error(`no binary at ${path}: run bin/build, or set TRIVET_BIN`);
  return path;
}
