import type { Runner } from "./command.ts";

declare const VERSION_OF_BUILD: string;

/** Set by bin/build; a run from source has none. */
export const VERSION: string = typeof VERSION_OF_BUILD === "string" ? VERSION_OF_BUILD : "0.0.0-source";

export const version: Runner = {
  run({ json }) {
    const bun = Bun.version;
    console.log(
      json
        ? JSON.stringify({ version: VERSION, bun, platform: `${process.platform}-${process.arch}` })
        : VERSION,
    );
    return Promise.resolve(0);
  },
};
