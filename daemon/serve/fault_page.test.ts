import { expect, test } from "bun:test";
import { Folder } from "../../test/harness/folder.ts";
import { faultApp, faultPage } from "./fault_page.ts";

test("shows the lines around the fault, nothing of them as markup", async () => {
  await using folder = await Folder.make({ "app.ts": "one\ntwo <script>\nthree\n" });
  const page = faultPage(`${folder.path}/app.ts:2: no <b>`, 1);
  expect(page).toContain("<mark>    2  two &lt;script&gt;</mark>");
  expect(page).toContain("    3  three");
  expect(page).toContain("app.ts:2: no &lt;b&gt;");
});

test("a fault without a place, or in a file that is gone, is shown alone", () => {
  expect(faultPage("just wrong", 1)).not.toContain("<pre>");
  expect(faultPage("/none/app.ts:2: no", 1)).not.toContain("<pre>");
});

test("plain text to who does not ask for a page", async () => {
  const answer = await faultApp("/a.ts:1: no").fetch(new Request("http://app.test/"), undefined);
  expect([answer?.status, await answer?.text()]).toEqual([500, "/a.ts:1: no\n"]);
});
