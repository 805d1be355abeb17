import { BROWSER_FIELDS, type Request, SMALL } from "./request.ts";
import type { Rig } from "./rig.ts";

/** The first time that a proxy works. */
export const FIRST_WARM_UP_S = 2;
const WARM_UP_CONNECTIONS = 64;
/** wrk goes to sleep for its time shortly after its first line; a SIGINT before that would not wake it. */
const SECONDS_MIN = 0.1;

export interface LoadResult {
  requests: number;
  /** Connections refused or cut, statuses above 399, answers that took too long or had too few bytes. */
  failed: number;
  seconds: number;
  p50Us: number;
  p99Us: number;
}

export interface LoadOptions {
  port: number;
  request: Request;
  connections: number;
  seconds: number;
  /** The client asks for the end of the connection with each request. */
  closing?: boolean;
  core?: number | undefined;
}

/** wrk: a fixed number of connections, each asks again as soon as it is answered. */
export async function runWrk(rig: Rig, options: LoadOptions): Promise<LoadResult> {
  const { port, request, connections, seconds, closing = false, core } = options;
  const script = rig.write(
    `${request.method}${request.path.slice(1)}${closing ? "-close" : ""}.lua`,
    lua(request, closing),
  );
  const url = `http://127.0.0.1:${port}${request.path}`;
  // By lines: the first one says that wrk hears signals by now; one that comes sooner would end it without a word.
  const words = ["stdbuf", "-oL", "wrk", "-t1", `-c${connections}`, `-d${Math.ceil(seconds) + 5}s`];
  const child = rig.pipe([...words, "-s", script, url], core);
  // wrk knows whole seconds only; on SIGINT it stops and reports.
  const stop = () => child.kill("SIGINT");
  let timer: ReturnType<typeof setTimeout> | undefined;
  let output = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    timer ??= setTimeout(stop, Math.max(seconds, SECONDS_MIN) * 1000);
  }
  clearTimeout(timer);
  const line = /^RESULT (.*)$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk gave no result: ${output.slice(-500)}`);
  const { bytes, ...result } = JSON.parse(line) as LoadResult & { bytes: number };
  const short = bytes < result.requests * request.answered;
  return { ...result, failed: result.failed + (short ? result.requests : 0) };
}

/** Lets a proxy compile, connect and cache before it is measured. */
export async function warmUp(
  rig: Rig,
  port: number,
  seconds: number,
  core: number | undefined,
  connections = WARM_UP_CONNECTIONS,
): Promise<void> {
  if (seconds > 0) await runWrk(rig, { port, request: SMALL, connections, seconds, core });
}

function lua({ method, sent }: Request, closing: boolean): string {
  const fields = [...BROWSER_FIELDS, ...(closing ? [["Connection", "close"] as const] : [])];
  return `wrk.method = "${method}"
${fields.map(([name, value]) => `wrk.headers["${name}"] = "${value}"`).join("\n")}
${sent ? `wrk.body = string.rep("y", ${sent})` : ""}
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('\\nRESULT {"requests":%d,"failed":%d,"seconds":%f,"bytes":%d,"p50Us":%f,"p99Us":%f}\\n',
    summary.requests, e.connect + e.read + e.write + e.status + e.timeout, summary.duration / 1e6, summary.bytes,
    latency:percentile(50), latency:percentile(99)))
end
`;
}
