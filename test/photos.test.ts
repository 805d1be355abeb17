/** The example site as a newcomer runs it: a copy of its folder, the compiled binary, a browser. */
import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { closeBrowser, openPage } from "./harness/browser.ts";
import { Folder } from "./harness/folder.ts";
import { freePort } from "./harness/free_port.ts";
import { picture, turned } from "./harness/picture.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

const EXAMPLE = resolve(import.meta.dir, "../examples/photos");
const FILES = ["app.ts", "jobs.ts", "page.html"];
const MIB = 1024 ** 2;

interface Picture {
  id: string;
  worker?: number;
  format?: string;
  width?: number;
  height?: number;
  problem?: string;
}

async function startExample(): Promise<{ site: Trivet; url: string }> {
  const [edge, app] = [await freePort(), await freePort()];
  const config = readFileSync(join(EXAMPLE, "trivet.toml"), "utf8")
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${edge}`)
    .replaceAll("127.0.0.1:3000", `127.0.0.1:${app}`);
  const files = Object.fromEntries(FILES.map((name) => [name, readFileSync(join(EXAMPLE, name))]));
  return { site: await Trivet.start({ mode: "up", config, files }), url: `http://127.0.0.1:${edge}` };
}

async function upload(url: string, bytes: Uint8Array): Promise<Response> {
  const body = new FormData();
  body.append("picture", new File([bytes as Uint8Array<ArrayBuffer>], "../../any.txt"));
  return fetch(`${url}/pictures`, { method: "POST", body });
}

async function uploaded(url: string, bytes: Uint8Array): Promise<string> {
  const answer = await upload(url, bytes);
  expect(answer.status).toBe(201);
  return ((await answer.json()) as Picture).id;
}

/** What an open page is told until `id` is no longer waiting. */
async function settled(url: string, id: string): Promise<Picture> {
  const stream = await fetch(`${url}/events`, { signal: AbortSignal.timeout(90_000) });
  expect(stream.headers.get("content-type")).toBe("text/event-stream");
  let text = "";
  for await (const chunk of stream.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const events = (text + chunk).split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const pictures = JSON.parse(event.slice("data: ".length)) as Picture[];
      const found = pictures.find((known) => known.id === id);
      if (found?.worker) return found;
    }
  }
  throw new Error(`the stream ended before picture ${id} was done: ${text}`);
}

async function bytesOf(url: string): Promise<Uint8Array> {
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  return answer.bytes();
}

test("an uploaded picture gets a smaller one, and pages hear of it", async () => {
  const { site, url } = await startExample();
  await using _ = site;
  expect(await (await fetch(url)).text()).toContain("<title>Light table</title>");

  const png = await picture(1500, 900, "png");
  const ofPng = await settled(url, await uploaded(url, png));
  expect(ofPng).toMatchObject({ width: 1500, height: 900, format: "png" });
  const thumbnail = await bytesOf(`${url}/pictures/${ofPng.id}/thumbnail`);
  expect(await new Bun.Image(thumbnail).metadata()).toEqual({ width: 640, height: 384, format: "webp" });
  expect(await bytesOf(`${url}/pictures/${ofPng.id}/original`)).toEqual(png);

  const jpeg = turned(await picture(1500, 900, "jpeg"));
  const ofJpeg = await settled(url, await uploaded(url, jpeg));
  expect(ofJpeg).toMatchObject({ width: 900, height: 1500, format: "jpeg" });
  const upright = await bytesOf(`${url}/pictures/${ofJpeg.id}/thumbnail`);
  expect(await new Bun.Image(upright).metadata()).toEqual({ width: 384, height: 640, format: "webp" });
  expect(upright.length).toBeLessThan(jpeg.length);
});

test("what is no picture ends as unreadable, once and for all", async () => {
  const { site, url } = await startExample();
  await using _ = site;
  const damaged = (await picture(400, 300, "png")).subarray(0, 300);
  const cases: [Uint8Array, string][] = [
    [crypto.getRandomValues(new Uint8Array(5000)), "it is not a picture"],
    [new Uint8Array(0), "it is not a picture"],
    [damaged, "the file is damaged"],
  ];
  for (const [bytes, problem] of cases) {
    const { id, ...found } = await settled(url, await uploaded(url, bytes));
    expect(found).toMatchObject({ problem });
    for (const kind of ["thumbnail", "original"]) {
      expect((await fetch(`${url}/pictures/${id}/${kind}`)).status).toBe(404);
    }
  }
  await until(async () => {
    const { stdout } = await site.run(["jobs", "ls", "--json", "-c", "trivet.toml"]);
    return Bun.deepMatch({ waiting: 0, delayed: 0, running: 0, dead: 0 }, JSON.parse(stdout)[0]);
  }, "no job is left");
});

test("what is too large or no upload is refused with a sentence", async () => {
  const { site, url } = await startExample();
  await using _ = site;
  const byApp = await upload(url, new Uint8Array(10 * MIB + 1));
  expect({ status: byApp.status, text: await byApp.text() }).toEqual({
    status: 413,
    text: "A picture may have up to 10 MiB.",
  });
  const byEdge = await upload(url, new Uint8Array(13 * MIB));
  expect(byEdge.status).toBe(413);
  expect((await fetch(`${url}/pictures`, { method: "POST", body: new FormData() })).status).toBe(422);
  for (const id of ["..%2f..%2ftrivet.toml", "01a2018a-8b66-7106-9395-50f20b79cf02"]) {
    expect((await fetch(`${url}/pictures/${id}/original`)).status).toBeOneOf([400, 404, 422]);
  }
  expect(readdirSync(join(site.folder.path, "data"))).toEqual([]);
});

test("the newest 60 are kept", async () => {
  const { site, url } = await startExample();
  await using _ = site;
  const small = await picture(8, 8, "png");
  const ids: string[] = [];
  for (let i = 0; i < 63; i++) ids.push(await uploaded(url, small));
  await settled(url, ids.at(-1) ?? "");
  await until(() => readdirSync(join(site.folder.path, "data")).length === 180, "three files a picture");
  const kept = new Set(readdirSync(join(site.folder.path, "data")).map((name) => name.split(".")[0]));
  expect([...kept].sort()).toEqual(ids.slice(3).sort());
});

afterAll(closeBrowser);

test("in a browser: choose files, see thumbnails without a reload", async () => {
  const { site, url } = await startExample();
  await using _ = site;
  await using folder = await Folder.make({
    "a.jpg": await picture(900, 600, "jpeg"),
    "b.png": await picture(600, 900, "png"),
    "c.txt": "no picture",
  });
  using page = await openPage(url);
  await page.until("document.body.matches('.live') && !document.querySelector('.slide')");
  await page.choose(
    "input",
    ["a.jpg", "b.png", "c.txt"].map((name) => join(folder.path, name)),
  );
  await page.until("document.querySelectorAll('.ready img').length === 2");
  await page.until("document.querySelector('.failed p')?.textContent.includes('it is not a picture')");
  expect(await page.evaluate("document.querySelectorAll('.slide').length")).toBe(3);

  using other = await openPage(url);
  await other.until("document.querySelectorAll('.ready img').length === 2");
  await other.click(".ready button");
  await other.until("document.querySelector('dialog[open] img').naturalWidth >= 600");
});
