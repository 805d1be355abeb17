/** What an app's tsconfig.json says of how code is compiled holds wherever that code runs. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { runTrivet } from "../harness/command.ts";
import { Folder } from "../harness/folder.ts";
import { Trivet } from "../harness/trivet.ts";
import { until } from "../harness/until.ts";
import { AppSite } from "./app_site.ts";

const HONO = resolve(import.meta.dir, "../../node_modules/hono");

const options = (compilerOptions: object, more: object = {}) => JSON.stringify({ ...more, compilerOptions });

/** Of each setting one file; `said` is what they make of it together. */
const SETTINGS = {
  "tsconfig.json": options({ jsx: "react-jsx", jsxImportSource: "hono/jsx" }),
  "hello.tsx": "export const hello = (name: string) => String(<b>Hello {name}</b>);",
  "classic/tsconfig.json": options({ jsx: "react", jsxFactory: "h", jsxFragmentFactory: "Part" }),
  "classic/tag.jsx": `const h = (tag, _, ...inside) => tag + "(" + inside.join() + ")", Part = "part";
    export const tag = <><i>x</i></>;`,
  "fields/tsconfig.json": options({ useDefineForClassFields: false }),
  "fields/fields.ts": `class Base { constructor() { this.start(); } start() {} }
    class Derived extends Base { kept?: string; override start() { this.kept = "kept"; } }
    export const kept = new Derived().kept ?? "lost";`,
  "base.json": options({ experimentalDecorators: true, emitDecoratorMetadata: true }),
  "inject/tsconfig.json": options({}, { extends: "../base.json" }),
  "inject/inject.ts": `import { Ink } from "./ink";
    const seen: string[] = [];
    (Reflect as any).metadata = (key: string, types: any) => () =>
      void seen.push([key, ...[types].flat().map((type) => type?.name)].join(" "));
    const Injectable = () => (target: any) => void seen.push("class " + target.name);
    const Inject = (target: any, key: any, place: number) => void seen.push("place " + place);
    @Injectable() class Pen { constructor(@Inject readonly ink: Ink, readonly made: Date) {} }
    export const injected = seen.join(", ") + typeof Pen;`,
  "inject/ink.ts": "export class Ink {}",
  "lazy/tsconfig.json": options({}, { extends: "../tsconfig.json" }),
  "lazy/late.tsx": "export const late = String(<u>{process.env.NODE_ENV === 'x' ? 1 : 2}</u>);",
  "lazy/old.ts": `module.exports = { old: require("./late.tsx").late };`,
  "all.ts": `import { hello } from "./hello.tsx";
    import { tag } from "./classic/tag";
    import { kept } from "./fields/fields";
    import { injected } from "./inject/inject";
    import old from "./lazy/old";
    const computed = "./lazy/la" + "te.tsx";
    export const all = async () => [hello("you"), tag, kept, injected, old.old, (await import(computed)).late].join("\\n");`,
};
const SAID = [
  "<b>Hello you</b>",
  "part(i(x))",
  "kept",
  "design:paramtypes Ink Date, place 0, class Penfunction",
  "<u>2</u>",
  "<u>2</u>",
].join("\n");

const FILES = {
  ...SETTINGS,
  "app.tsx": `import { all } from "./all";
    interface Nothing {
      that: "is left";
    }

    const fail = (_: Nothing) => { throw new Error("on line 6"); };
    const page = () => <p>ok</p>;
    export default { fetch: async (request: Request) => request.url.endsWith("/fail") ? fail({ that: "is left" }) : new Response(page() + await all()) };`,
  "jobs.ts": `import { defineJobs } from "trivet";
    import { all } from "./all";
    export default defineJobs({ say: { async run() { console.log("JOB " + (await all())); } } });`,
  "script.ts": `import { all } from "./all"; import { jobs } from "trivet";
    console.log(await all()); await jobs.enqueue("say");`,
  "all.test.ts": `import { expect, test } from "bun:test"; import { all } from "./all";
    test("all", async () => expect(await all()).toBe(${JSON.stringify(SAID)}));`,
};

describe("an app whose folders have tsconfig.json files", () => {
  let folder: Folder;

  beforeAll(async () => {
    folder = await Folder.make(FILES);
    mkdirSync(join(folder.path, "node_modules"));
    symlinkSync(HONO, join(folder.path, "node_modules/hono"));
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  test("serve runs it, and its errors tell the lines that were written", async () => {
    await using site = await AppSite.start({ files: {}, serve: `app = "${folder.path}/app.tsx"` });
    expect(await (await fetch(site.url)).text()).toBe(`<p>ok</p>${SAID}`);
    expect((await fetch(`${site.url}/fail`)).status).toBe(500);
    await until(() => site.trivet.stderr.includes("on line 6"), "the log tells the error");
    expect(site.trivet.stderr).toContain(`${folder.path}/app.tsx:6: on line 6`);
  });

  test("run enqueues from it, and the worker does the job", async () => {
    const config = `[worker]\nhandlers = "${folder.path}/jobs.ts"\n`;
    await using site = await Trivet.start({ mode: "worker", config, files: {} });
    const ran = await runTrivet(["run", join(folder.path, "script.ts")], { cwd: site.folder.path });
    expect(ran).toMatchObject({ code: 0, stderr: "", stdout: `${SAID}\n` });
    await until(() => site.stdout.includes(`JOB ${SAID}`), "the job is done");
  });

  test("test tries it", async () => {
    const { code, stderr } = await runTrivet(["test"], { cwd: folder.path });
    expect(stderr).toContain("1 pass");
    expect(code).toBe(0);
  });
});

describe("faults in such an app", () => {
  const cases = {
    "a syntax error": [
      { "sub/part.ts": "export const a = 1;\n\nconst b = ;" },
      "sub/part.ts:3: Unexpected ;",
    ],
    "what is thrown while it loads": [
      { "sub/part.ts": 'interface A { b: 1 }\n\ninterface B { c: 1 }\nthrow new Error("no luck");' },
      "sub/part.ts:4: no luck",
    ],
    "a missing import": [{ "sub/part.ts": 'import "./none";' }, "sub/part.ts:1: Cannot find module"],
  } as const;
  for (const [name, [files, sentence]] of Object.entries(cases)) {
    test(`${name} is told with its file and line`, async () => {
      await using folder = await Folder.make({
        "tsconfig.json": options({ experimentalDecorators: true }),
        "trivet.toml": '[serve]\nlisten = "127.0.0.1:0"\n',
        "app.ts": 'import "./sub/part.ts";\nexport default { fetch: () => new Response() };',
        ...files,
      });
      const { code, stderr } = await runTrivet(["serve", "--admin-http", ""], { cwd: folder.path });
      expect(stderr).toContain(sentence);
      expect(code).toBe(1);
    });
  }
});
