import { expect, test } from "bun:test";
import { checkConfig } from "../../shared/config/load.ts";
import { Folder } from "../../test/harness/folder.ts";
import { surroundingsOf } from "./user_surroundings.ts";

test("the folder of the file, or the one that is named; variables of the file before NODE_ENV", async () => {
  await using folder = await Folder.make({ "a.env": "NODE_ENV=staging\nA=1\n", "src/app.ts": "" });
  const configOf = (text: string) => checkConfig(text, "trivet.toml", folder.path);
  const plain = configOf('[serve]\napp = "src/app.ts"\n[worker]\nfolder = "src"\n');
  expect(surroundingsOf("serve", plain)).toEqual({
    folder: `${folder.path}/src`,
    variables: { NODE_ENV: "production" },
  });
  expect(surroundingsOf("worker", plain).folder).toBe(`${folder.path}/src`);
  const named = configOf('[serve]\nenv_file = "a.env"\nfolder = "."\nwatch = true\n');
  expect(surroundingsOf("serve", named)).toEqual({
    folder: folder.path,
    variables: { NODE_ENV: "staging", A: "1" },
  });
  const wrong = configOf('[serve]\nenv_file = "src"\n[worker]\nfolder = "a.env"\n');
  expect(() => surroundingsOf("serve", wrong)).toThrow("src can't be read (EISDIR)");
  expect(() => surroundingsOf("worker", wrong)).toThrow("worker.folder: there is no folder");
});
