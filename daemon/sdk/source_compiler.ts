import { basename, dirname, resolve } from "node:path";

const NODE_ENV = "process.env.NODE_ENV";
/** Each failed round names at least one file that can't be compiled. */
const ROUNDS_MAX = 20;

export interface CompiledSource {
  /** An ES module, also for a file that was CommonJS. */
  text: string;
  commonJs: boolean;
}

/**
 * The files as JavaScript, each compiled as the tsconfig.json nearest to it says, with all its imports left as they are;
 * stack traces tell lines of the originals. Those that can't be compiled are left out.
 */
export async function compileSources(files: readonly string[]): Promise<Map<string, CompiledSource>> {
  let left = files;
  for (let round = 0; round < ROUNDS_MAX && left.length > 0; round++) {
    const built = await build(left);
    if (built.success) return sourcesOf(built);
    const faulty = new Set(built.logs.map(({ position }) => position?.file));
    left = left.filter((file) => !faulty.has(file));
    if (faulty.has(undefined)) break;
  }
  return new Map();
}

function build(files: readonly string[]): Promise<Bun.BuildOutput> {
  return Bun.build({
    entrypoints: [...files],
    // So that an output's path says where its file lies.
    root: "/",
    naming: "[dir]/[name]-[hash].[ext]",
    external: ["*"],
    packages: "external",
    sourcemap: "external",
    target: "bun",
    metafile: true,
    throw: false,
    // Read when the code runs.
    define: { [NODE_ENV]: NODE_ENV },
    jsx: { development: process.env["NODE_ENV"] === "development" },
  });
}

async function sourcesOf({ outputs, metafile }: Bun.BuildOutput): Promise<Map<string, CompiledSource>> {
  const sources = new Map<string, CompiledSource>();
  // An output's own `sourcemap` may be another file (Bun 1.4.5).
  const maps = new Map(outputs.map((output) => [output.path, output]));
  for (const output of outputs) {
    const { entryPoint } = metafile?.outputs[output.path] ?? {};
    if (output.kind !== "entry-point" || entryPoint === undefined) continue;
    const commonJs = metafile?.inputs[entryPoint]?.format === "cjs";
    const name = basename(entryPoint);
    const map = maps.get(`${output.path}.map`);
    const comment = map ? mapComment(name, await map.text()) : "";
    const text = `${await output.text()}${comment}`;
    sources.set(resolve("/", dirname(output.path), name), { text, commonJs });
  }
  return sources;
}

/** The bundler's map names files as seen from its root; Bun reads them as seen from the file's own folder. */
function mapComment(name: string, text: string): string {
  const map = { ...(JSON.parse(text) as object), sources: [name] };
  const data = Buffer.from(JSON.stringify(map)).toString("base64");
  return `\n//# sourceMappingURL=data:application/json;base64,${data}\n`;
}
