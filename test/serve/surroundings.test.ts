/** In what environment and folder the user's code runs. */
import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { runTrivet } from "../harness/command.ts";
import { Folder } from "../harness/folder.ts";
import { Trivet } from "../harness/trivet.ts";
import { until } from "../harness/until.ts";
import { AppSite } from "./app_site.ts";

/** Read in all the ways in which code reads it, then set. */
const NODE_ENV = `
  const { NODE_ENV } = process.env;
  const seen = [NODE_ENV, process.env.NODE_ENV, process.env?.NODE_ENV, process.env["NODE_ENV"], import.meta.env.NODE_ENV,
    Bun.env.NODE_ENV, process.env.NODE_ENV === "production", process.env.NODE_ENV ?? "none"];
  process.env.NODE_ENV = "staging";
  export const said = [...seen, process.env.NODE_ENV].join(" ");`;
const APP = `import { said } from "./env.ts";
  export default { fetch: () => Response.json({ said, folder: process.cwd(), one: process.env.ONE, two: process.env.TWO, pwd: process.env.BUN_BE_BUN }) };`;
const JOBS = `import { defineJobs } from "trivet"; import { said } from "./env.ts";
  console.log("JOBS " + JSON.stringify({ said, folder: process.cwd(), one: process.env.ONE }));
  export default defineJobs({});`;
const of = (mode: string) => `${`${mode} `.repeat(6)}${mode === "production"} ${mode} staging`;
const UNSET = { NODE_ENV: undefined };

interface Said {
  said: string;
  folder: string;
  one?: string;
  two?: string;
}

async function askApp(url: string): Promise<Said> {
  // A kept connection leads to the process before, after a reload.
  return (await (await fetch(url, { keepalive: false })).json()) as Said;
}

describe("NODE_ENV", () => {
  test("is production under up, for app and jobs", async () => {
    const files = { "env.ts": NODE_ENV, "app.ts": APP, "jobs.ts": JOBS };
    await using site = await AppSite.up({ files, env: UNSET });
    expect((await askApp(site.edgeUrl)).said).toBe(of("production"));
    await until(() => site.trivet.stdout.includes(`"said":"${of("production")}"`), "the worker says it");
  });

  test("is development while code is watched", async () => {
    await using site = await AppSite.start({
      files: { "env.ts": NODE_ENV, "app.ts": APP },
      serve: "watch = true",
      env: UNSET,
    });
    expect((await askApp(site.url)).said).toBe(of("development"));
  });

  test("is what the environment says", async () => {
    const files = { "env.ts": NODE_ENV, "app.ts": APP };
    await using site = await AppSite.start({ files, env: { NODE_ENV: "test" } });
    expect((await askApp(site.url)).said).toBe(of("test"));
  });

  test("of a script is nobody's but the shell's, and can be set", async () => {
    await using folder = await Folder.make({ "env.ts": `${NODE_ENV}\nconsole.log(said);` });
    const { stdout } = await runTrivet(["run", "env.ts"], { cwd: folder.path, env: UNSET });
    expect(stdout).toBe("       false none staging\n".replace("       ", "      "));
  });
});

describe("the working folder", () => {
  test("is the app's, or the one that is named; jobs have theirs", async () => {
    const files = {
      "site/env.ts": NODE_ENV,
      "site/app.ts": APP,
      "work/env.ts": NODE_ENV,
      "work/jobs.ts": JOBS,
    };
    const serve = 'app = "site/app.ts"';
    await using site = await AppSite.up({ files, serve, config: '[worker]\nhandlers = "work/jobs.ts"\n' });
    expect((await askApp(site.url)).folder).toBe(join(site.path, "site"));
    await until(() => site.trivet.stdout.includes(`"folder":"${site.path}/work"`), "the worker says its own");

    mkdirSync(join(site.path, "data"));
    const config = await Bun.file(join(site.path, "trivet.toml")).text();
    await site.write("trivet.toml", config.replace(serve, `${serve}\nfolder = "data"`));
    expect(await site.trivet.run(["reload"])).toMatchObject({ code: 0 });
    await until(async () => (await askApp(site.url)).folder === join(site.path, "data"), "it is there");

    await site.write("trivet.toml", config.replace(serve, `${serve}\nfolder = "none"`));
    const refused = await site.trivet.run(["reload"]);
    expect(refused.stderr).toContain(`serve.folder: there is no folder ${site.path}/none`);
    expect((await askApp(site.url)).folder).toBe(join(site.path, "data"));
  });
});

describe("variables from a file", () => {
  const files = {
    "env.ts": NODE_ENV,
    "app.ts": APP,
    ".env": "ONE=from .env\nTWO=from .env\n",
    "secrets.env": 'ONE="from the file" # said\nTWO=from the file\nBUN_BE_BUN=1\n',
  };

  test("none is read unasked", async () => {
    await using site = await AppSite.start({ files });
    expect(await askApp(site.url)).not.toHaveProperty("one");
  });

  test("the one that is named is, where the environment lacks the name; a reload reads it again", async () => {
    const serve = 'env_file = "secrets.env"';
    await using site = await AppSite.start({ files, serve, env: { TWO: "from the shell" } });
    expect(await askApp(site.url)).toMatchObject({ one: "from the file", two: "from the shell" });
    await site.write("secrets.env", "ONE=anew\nNODE_ENV=staging\n");
    expect(await site.trivet.run(["reload"])).toMatchObject({ code: 0 });
    await until(async () => (await askApp(site.url)).one === "anew", "it has the new value");
  });

  test("one that is missing is told of at the start, of jobs too", async () => {
    await using folder = await Folder.make({ ...files, "jobs.ts": JOBS });
    await folder.write("trivet.toml", '[serve]\nenv_file = "none.env"\n[admin]\nhttp = ""\n');
    for (const mode of ["serve", "worker"]) {
      const { code, stderr } = await runTrivet([mode], { cwd: folder.path });
      expect(stderr).toBe(`serve.env_file: there is no file ${folder.path}/none.env\n`);
      expect(code).toBe(1);
    }
  });
});

test("jobs have the variables of the file too", async () => {
  const files = { "env.ts": NODE_ENV, "jobs.ts": JOBS, "secrets.env": "ONE=1\n" };
  await using site = await Trivet.start({
    mode: "worker",
    config: '[serve]\nenv_file = "secrets.env"\n',
    files,
  });
  await until(() => site.stdout.includes('"one":"1"'), "the worker says it");
});
