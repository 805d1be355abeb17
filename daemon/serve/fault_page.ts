/** What a child answers while the code it watches can't be loaded: where it is wrong, until that is mended. */
import { readFileSync } from "node:fs";
import type { AppOptions } from "./app_options.ts";

const LINES_AROUND = 4;
/** By this a page sees that another process answers than the one it came from. */
const MARK = "x-trivet-fault";
const STYLE = `:root { color-scheme: light dark } body { margin: 10vh auto; width: min(60rem, 90vw); font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: 1.2rem; color: light-dark(#b3261e, #f2998f); overflow-wrap: anywhere } pre { overflow: auto; padding: 1rem; border-radius: .5rem;
background: light-dark(#f4f1ec, #262321); font: 14px/1.6 ui-monospace, monospace } mark { background: light-dark(#ffd9d3, #5c2b26); color: inherit }`;

/** Answers every request with the fault, "FILE:LINE: reason". */
export function faultApp(sentence: string): AppOptions {
  const page = faultPage(sentence, process.pid);
  const answer = (request: Request) => {
    const html = request.headers.get("accept")?.includes("text/html") ?? false;
    return new Response(html ? page : `${sentence}\n`, {
      status: 500,
      headers: {
        "content-type": `text/${html ? "html" : "plain"}; charset=utf-8`,
        "cache-control": "no-store",
        [MARK]: String(process.pid),
      },
    });
  };
  return {
    fetch: answer,
    paths: [],
    routes: {},
    websocket: undefined,
    error: undefined,
    maxRequestBodySize: undefined,
  };
}

/** It loads itself anew when another process than `pid` answers. */
export function faultPage(sentence: string, pid: number): string {
  const lines = codeLines(sentence);
  const code = lines.length > 0 ? `<pre>${lines.join("\n")}</pre>` : "";
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>The app can't be loaded</title><style>${STYLE}</style>
<h1>${Bun.escapeHTML(sentence)}</h1>
${code}
<p>This page goes when the code is mended.</p>
<script>
  setInterval(async () => {
    const answer = await fetch(location.href, { method: "HEAD", cache: "no-store" }).catch(() => undefined);
    if (answer && answer.headers.get("${MARK}") !== "${pid}") location.reload();
  }, 500);
</script></html>
`;
}

/** The lines around the place that the sentence names; none when it names no file that can be read. */
function codeLines(sentence: string): string[] {
  const [, file = "", line = ""] = /^(\/.+?):(\d+): /.exec(sentence) ?? [];
  const at = Number(line);
  try {
    const all = file ? readFileSync(file, "utf8").split("\n") : [];
    const first = Math.max(1, at - LINES_AROUND);
    return all.slice(first - 1, at + LINES_AROUND).map((text, i) => {
      const shown = `${String(first + i).padStart(5)}  ${Bun.escapeHTML(text)}`;
      return first + i === at ? `<mark>${shown}</mark>` : shown;
    });
  } catch (error) {
    if (error instanceof Error) return [];
    throw error;
  }
}
