// The worker side: makes a thumbnail of every picture that app.ts has stored.
import { rename } from "node:fs/promises";
import { resolve } from "node:path";
import { defineJobs } from "trivet";

const DATA = resolve("data"); // As in app.ts.
const THUMBNAIL_SIDE_MAX = 640;
const PIXELS_MAX = 100_000_000; // Decoded, a pixel takes 4 bytes of memory.

/** Why a file will not be readable the next time either. */
const PROBLEMS: Record<string, string> = {
  ERR_IMAGE_UNKNOWN_FORMAT: "it is not a picture",
  ERR_IMAGE_DECODE_FAILED: "the file is damaged",
  ERR_IMAGE_TOO_MANY_PIXELS: "it has more than 100 megapixels",
  ERR_IMAGE_FORMAT_UNSUPPORTED: "use JPEG, PNG, WebP or GIF",
};

export default defineJobs({
  process_image: {
    // For what may pass, like a full disk: tried again for two minutes, then the job is dead (see "trivet jobs dead").
    attempts: 8,
    backoff: { kind: "exponential", delay: "1s" },
    timeout: "30s",
    async run({ id, ...upload }: { id: string; app: number; uploadedAt: number }, job) {
      const original = Bun.file(`${DATA}/${id}.original`);
      if (!(await original.exists())) return; // Newer pictures have pushed it out.
      const startedAt = performance.now();
      const result = await makeThumbnail(id);
      const ms = Math.round(performance.now() - startedAt);
      if (result.problem) job.log.warn(`picture ${id} could not be read: ${result.problem}`);
      // Written aside, then renamed: app.ts sees all of it or nothing.
      const findings = { ...upload, ...result, bytes: original.size, worker: process.pid, ms };
      await Bun.write(`${DATA}/${id}.new`, JSON.stringify(findings));
      await rename(`${DATA}/${id}.new`, `${DATA}/${id}.json`);
    },
  },
});

async function makeThumbnail(id: string) {
  try {
    // Bun.Image decodes in a thread of its own, and turns a photo as its EXIF data says.
    const image = new Bun.Image(`${DATA}/${id}.original`, { maxPixels: PIXELS_MAX });
    const { width, height, format } = await image.metadata();
    image.resize(THUMBNAIL_SIDE_MAX, THUMBNAIL_SIDE_MAX, { fit: "inside", withoutEnlargement: true });
    const thumbnailBytes = await image.webp({ quality: 82 }).write(`${DATA}/${id}.webp`);
    return { width, height, format, thumbnailBytes };
  } catch (error) {
    const problem = PROBLEMS[(error as { code?: string }).code ?? ""];
    if (!problem) throw error;
    return { problem };
  }
}
