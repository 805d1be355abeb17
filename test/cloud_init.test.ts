import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { checkConfig } from "../shared/config/load.ts";
import { Folder } from "./harness/folder.ts";

const FOLDER = resolve(import.meta.dir, "../deploy/cloud-init");
const ROLES = ["edge", "app", "worker"];
const SCHEMA = "usr/lib/python3/dist-packages/cloudinit/config/schemas/schema-cloud-config-v1.json";
const VALIDATE = `
import json, sys, yaml, jsonschema
text = open(sys.argv[2]).read()
assert text.startswith("#cloud-config\\n"), "the first line is not #cloud-config"
jsonschema.Draft4Validator(json.load(open(sys.argv[1]))).validate(yaml.safe_load(text))
print(json.dumps(yaml.safe_load(text)))
`;
let schema = "";

/** cloud-init's own, out of Debian's package: installing the package would have it act on this machine. */
async function unpackSchema(): Promise<string> {
  if (existsSync(`/${SCHEMA}`)) return `/${SCHEMA}`;
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "trivet", "cloud-init");
  if (!existsSync(join(cache, SCHEMA))) {
    await mkdir(cache, { recursive: true });
    await Bun.$`apt-get download -qq cloud-init && dpkg -x cloud-init_*.deb . && rm cloud-init_*.deb`
      .cwd(cache)
      .quiet();
  }
  return join(cache, SCHEMA);
}

async function validate(file: string): Promise<{ code: number; said: string; data: UserData | undefined }> {
  const process_ = Bun.spawn(["python3", "-c", VALIDATE, schema, file], { stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([
    new Response(process_.stdout).text(),
    new Response(process_.stderr).text(),
    process_.exited,
  ]);
  return { code, said: err, data: code === 0 ? (JSON.parse(out) as UserData) : undefined };
}

interface UserData {
  write_files: { path: string; content: string; permissions: string }[];
  runcmd: string[][];
}

beforeAll(async () => {
  schema = await unpackSchema();
}, 300_000);

describe.each(ROLES)("%s.yaml", (role) => {
  test("is what cloud-init's schema says, and its config is what Trivet's says", async () => {
    const { code, said, data } = await validate(join(FOLDER, `${role}.yaml`));
    expect({ code, said }).toEqual({ code: 0, said: "" });
    const config = data?.write_files.find(({ path }) => path.endsWith(".toml"));
    const env = { STORE_URL: "redis://:secret@192.168.1.10:6379" };
    expect(() => checkConfig(config?.content ?? "", "user-data", "/etc/trivet", env)).not.toThrow();
    expect(data?.runcmd.at(-1)).toContain("/usr/local/sbin/trivet-become");
  });

  test("its scripts are scripts", async () => {
    const { data } = await validate(join(FOLDER, `${role}.yaml`));
    const script =
      data?.write_files.find(({ path }) => path === "/usr/local/sbin/trivet-fetch")?.content ?? "";
    expect(Bun.spawnSync(["sh", "-n", "-c", script]).exitCode).toBe(0);
  });
});

test("the schema sees what is wrong", async () => {
  await using folder = await Folder.make();
  const file = await folder.write("bad.yaml", "#cloud-config\nwrite_files: [{ content: x }]\n");
  expect((await validate(file)).said).toContain("'path' is a required property");
});
