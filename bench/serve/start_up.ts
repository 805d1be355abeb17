import { resolve } from "node:path";
import { UserError } from "../../shared/user_error.ts";
import { Distribution } from "../rig/distribution.ts";
import { say } from "../rig/say.ts";
import { type ServeParts, writeServeConfig } from "./servers.ts";
import type { StartRow } from "./table.ts";

/** From the start of a process until its supervisor hears that it answers; on any core. */
export async function measureStarts(parts: ServeParts, starts: number): Promise<StartRow[]> {
  say("start to ready");
  const { fetch, elysia, bareFetch, bareElysia } = parts.apps;
  const rows = [];
  for (const [app, bare, called] of [
    [fetch, bareFetch, "a plain fetch app"],
    [elysia, bareElysia, "an Elysia app"],
  ] as const) {
    const child = new Distribution(starts);
    const script = new Distribution(starts);
    const site = await startSite(parts, app);
    for (let i = 0; i < starts; i++) {
      child.add(await site.startAnother());
      script.add(await startScript(parts, bare));
    }
    site.stop();
    rows.push(rowOf(`a child of trivet serve, ${called}`, child));
    rows.push(rowOf(`a script run by Bun, ${called}`, script));
  }
  return rows;
}

function rowOf(name: string, times: Distribution): StartRow {
  const [medianMs = Number.NaN, worstMs = Number.NaN] = times.percentiles([0.5, 1]);
  return { name, starts: times.count, medianMs, worstMs };
}

async function startSite(parts: ServeParts, app: string) {
  const { rig } = parts.place;
  const port = rig.freePort();
  const config = writeServeConfig({ ...parts, workers: 1 }, app, port);
  const trivet = resolve(parts.trivet);
  const running = await rig.ready("trivet serve", rig.start([trivet, "serve", "-c", config]), port);
  return {
    async startAnother(): Promise<number> {
      await output([trivet, "reload", "-c", config]);
      return newestBootMs(await output([trivet, "status", "--json", "-c", config]));
    },
    stop: () => rig.stop(running),
  };
}

/** What is read of `trivet status --json`. */
interface Status {
  children: { kind: string; startedAtMs: number; bootMs?: number }[];
}

/** The one it has replaced may still be leaving. */
function newestBootMs(text: string): number {
  const [status] = JSON.parse(text) as Status[];
  const children = status?.children.filter(({ kind }) => kind === "serve") ?? [];
  const newest = children.toSorted((a, b) => b.startedAtMs - a.startedAtMs)[0];
  if (newest?.bootMs === undefined) throw new Error(`trivet status tells of no child that is ready: ${text}`);
  return newest.bootMs;
}

async function output(words: readonly string[]): Promise<string> {
  const child = Bun.spawn([...words], { stdio: ["ignore", "pipe", "pipe"] });
  const [text, complaint, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new UserError(`${words.slice(1, 2)} failed: ${complaint.trim()}`);
  return text;
}

/** The script says the same by the same means as our child. */
async function startScript({ place: { rig } }: ServeParts, script: string): Promise<number> {
  const ready = Promise.withResolvers<number>();
  const startMs = performance.now();
  const child = rig.talk(script, [String(rig.freePort())], () => ready.resolve(performance.now() - startMs));
  const ms = await ready.promise;
  rig.stop(child);
  await child.exited;
  return ms;
}
