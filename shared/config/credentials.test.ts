import { expect, test } from "bun:test";
import { Folder } from "../../test/harness/folder.ts";
import { withCredentials } from "./credentials.ts";
import { checkConfig } from "./load.ts";

test("files of the credentials folder stand behind the environment", async () => {
  await using folder = await Folder.make({
    STORE_URL: "redis://:secret@10.0.0.4:6379\n",
    PORT: "1",
    "not-a-name": "x",
    LARGE: "x".repeat(70_000),
  });
  const env = withCredentials({ CREDENTIALS_DIRECTORY: folder.path, PORT: "2" });
  expect(env).toEqual({
    CREDENTIALS_DIRECTORY: folder.path,
    STORE_URL: "redis://:secret@10.0.0.4:6379",
    PORT: "2",
    LARGE: undefined,
  });
  const { store } = checkConfig(`[store]\nurl = "\${STORE_URL}"\n`, "trivet.toml", "/", env);
  expect(store.url).toBe("redis://:secret@10.0.0.4:6379");
});

test("no folder, or one that can't be read", () => {
  expect(withCredentials({ A: "1" })).toEqual({ A: "1" });
  const env = { CREDENTIALS_DIRECTORY: "/nowhere", A: "1" };
  expect(withCredentials(env)).toEqual(env);
});
