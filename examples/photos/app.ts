// The web side: takes pictures, keeps them in ./data, and tells every open page what becomes of them.
// Two processes run this file at once, and the worker is a third: what they share is on disk, not in variables.
import { mkdirSync, watch } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { Elysia, sse, status, t } from "elysia";
import { jobs } from "trivet";

const PAGE = Bun.file(`${import.meta.dir}/page.html`);
// In the working directory: the app's folder, or what `folder` in trivet.toml says.
const DATA = resolve("data");
const PICTURE_BYTES_MAX = 10 * 1024 ** 2;
const PICTURES_MAX = 60;

mkdirSync(DATA, { recursive: true });

export default new Elysia()
  .get("/", () => new Response(PAGE))
  .post("/pictures", ({ body }) => store(body.picture), { body: t.Object({ picture: t.File() }) })
  // Server-sent events: all pictures now, and all of them again after every change.
  .get("/events", async function* ({ request }) {
    while (!request.signal.aborted) {
      const nextChange = change.promise; // Taken before we look: nothing can happen unseen in between.
      yield sse({ data: await Promise.all((await newestFirst()).map(findings)) });
      await nextChange;
    }
  })
  .guard({ params: t.Object({ id: t.String({ format: "uuid" }) }) })
  .get("/pictures/:id/thumbnail", ({ params: { id } }) => send(`${id}.webp`, "image/webp"))
  .get("/pictures/:id/original", async ({ params: { id } }) => {
    // Its type is what the worker saw in it, not what the uploader said it was.
    const { format } = await findings(id);
    return format ? send(`${id}.original`, `image/${format}`) : status(404, "There is no such picture.");
  });

/** A picture is stored under a name of ours, and left to the worker: the answer does not wait for the thumbnail. */
async function store(picture: File) {
  if (picture.size > PICTURE_BYTES_MAX) return status(413, "A picture may have up to 10 MiB.");
  const id = Bun.randomUUIDv7(); // Begins with the time, so that sorted names are in order.
  await Bun.write(`${DATA}/${id}.original`, picture);
  try {
    await jobs.enqueue("process_image", { id, app: process.pid, uploadedAt: Date.now() });
  } catch (error) {
    await remove(id);
    throw error;
  }
  for (const old of (await newestFirst()).slice(PICTURES_MAX)) await remove(old);
  return status(201, { id });
}

async function remove(id: string) {
  for (const kind of ["original", "webp", "json"]) await rm(`${DATA}/${id}.${kind}`, { force: true });
}

async function newestFirst(): Promise<string[]> {
  const names = (await readdir(DATA)).filter((name) => name.endsWith(".original"));
  const ids = names.map((name) => name.slice(0, -".original".length));
  return ids.sort().reverse();
}

/** What the worker found out about a picture (see jobs.ts); only the id while there is nothing yet. */
async function findings(id: string): Promise<{ id: string; format?: string }> {
  const file = Bun.file(`${DATA}/${id}.json`);
  return { id, ...(await file.json().catch(() => undefined)) };
}

async function send(name: string, type: string) {
  const file = Bun.file(`${DATA}/${name}`);
  if (!(await file.exists())) return status(404, "There is no such picture.");
  // What an id stands for never changes. "nosniff": a browser must not guess another type.
  const headers = { "cache-control": "max-age=31536000, immutable", "x-content-type-options": "nosniff" };
  return new Response(file, { headers: { "content-type": type, ...headers } });
}

/** Resolves at the next change in the folder, whichever process makes it. */
let change = Promise.withResolvers<void>();

function wakeStreams(): void {
  change.resolve();
  change = Promise.withResolvers();
}

// A picture has come, gone, or been dealt with.
watch(DATA, (event, name) => {
  if (event === "rename" && /\.(original|json)$/.test(name ?? "")) wakeStreams();
});
// A stream whose page has gone is noticed when it is written to.
setInterval(wakeStreams, 15_000);
