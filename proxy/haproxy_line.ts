/** HAProxy's "httplog" line (its configuration manual, section 8.2.3), which tools for HAProxy's logs read. */
import type { Ending, Exchange } from "./exchange_state.ts";
import { haproxyText, wordOf } from "./log_text.ts";
import { timersOf } from "./timers.ts";

const TARGET_CHARS_MAX = 2048;

/** `date`: when the first byte of the request came. */
export function haproxyLine(exchange: Exchange, ending: Ending, durationMs: number, date: string): string {
  const { session, route, server, status, responseBytes } = exchange;
  const { head, queue, connect, response, active } = timersOf(exchange, durationMs);
  const frontend = wordOf(session.entrance.address);
  const backend = route?.backend ? wordOf(route.backend.name) : frontend;
  return (
    `${exchange.claimedClient || session.peer.address}:${session.port} [${date}] ${frontend} ` +
    `${backend}/${server ? wordOf(server.address) : "<NOSRV>"} ` +
    `${ms(head)}/${ms(queue)}/${ms(connect)}/${ms(response)}/${ms(active)} ` +
    `${status} ${responseBytes} - - ${exchange.state(ending)} ${concurrency(exchange)} ` +
    `${exchange.serverQueue}/${exchange.backendQueue} "${requestOf(exchange)}"\n`
  );
}

/** Of the process, the listener, the backend and the server, as they are now; then further attempts, "+" elsewhere. */
function concurrency({ session, route, server, attempts, redispatched }: Exchange): string {
  let inBackend = 0;
  for (const { active } of route?.backend?.servers ?? []) inBackend += active;
  const process = session.edge.counts.open.value;
  const frontend = session.entrance.open;
  const retries = Math.max(0, attempts - 1);
  return `${process}/${frontend}/${inBackend}/${server?.active ?? 0}/${redispatched ? "+" : ""}${retries}`;
}

function requestOf(exchange: Exchange): string {
  if (exchange.unreadable) return "<BADREQ>";
  const { bytes, request } = exchange;
  const target = haproxyText(bytes, request.targetStart, request.targetEnd, TARGET_CHARS_MAX);
  return `${haproxyText(bytes, request.start, request.methodEnd, TARGET_CHARS_MAX)} ${target} HTTP/1.${request.minor}`;
}

/** Cut, not rounded: the parts are never more than the whole. */
function ms(time: number): number {
  return Math.trunc(time);
}
