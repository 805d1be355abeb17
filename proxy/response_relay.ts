/** The server's response head on its way to the client, with what of the body came along. */
import type { Exchange } from "./exchange_state.ts";
import type { BodyKind } from "./http/body.ts";
import { NO_LENGTH } from "./http/content_length.ts";
import { copy, copyKeptFields } from "./http/field_table.ts";
import { octets, SP } from "./http/octets.ts";
import { type ResponseHead, responseFields } from "./http/response_head.ts";
import { send } from "./send.ts";

const SCRATCH_BYTES = 131_072;
const BODY_WITH_HEAD_MAX = 16_384;

const LINE_END = octets("\r\n");
const CLOSE = octets("Connection: close\r\n");
const KEEP_ALIVE = octets("Connection: keep-alive\r\n");
/** To be followed by the value of Upgrade. */
const UPGRADE = octets("Connection: upgrade\r\nUpgrade: ");
const CLOSE_UPGRADE = octets("Connection: close, upgrade\r\nUpgrade: ");
const KEEP_ALIVE_UPGRADE = octets("Connection: keep-alive, upgrade\r\nUpgrade: ");
const UPGRADE_REQUIRED = 426;
const ONE = 49;
const MINOR_AT = 7;
const STATUS_END = 12;

const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** How the end of this response's body is known (RFC 9112 §6.3). */
export function responseBodyKind(head: ResponseHead, toHead: boolean): BodyKind {
  if (toHead || head.status < 200 || head.status === 204 || head.status === 304) return "none";
  if (head.chunked) return "chunked";
  return head.contentLength === NO_LENGTH ? "until_close" : "length";
}

/** Sends bytes[from, after) as the client's head, rewritten where it must be, and the body bytes[after, kept). */
export function relayHead(
  exchange: Exchange,
  head: ResponseHead,
  bytes: Buffer,
  from: number,
  after: number,
  kept: number,
): void {
  const { session, request } = exchange;
  const bare = head.chunked && request.minor === 0;
  // These never have a body, and must not speak of one (RFC 9110 §8.6, RFC 9112 §6.1).
  const bodiless = head.status < 200 || head.status === 204;
  if (head.transferEncodingField >= 0 && (bare || bodiless)) responseFields.drop(head.transferEncodingField);
  if (head.contentLengthField >= 0 && bodiless) responseFields.drop(head.contentLengthField);
  const edits = exchange.route?.rules?.response ?? null;
  // Interim responses and a switch of protocols are between the two ends alone.
  const edited = edits !== null && head.status >= 200;
  if (edited) edits.drop(bytes, responseFields);
  const option = connectionOption(exchange, head);
  // We must send the space after the status, whatever the server does (RFC 9112 §4).
  const spaced = bytes[from + STATUS_END] === SP;
  if (spaced && !edited && option === null && responseFields.drops === 0 && bytes[from + MINOR_AT] === ONE) {
    exchange.responseBytes += kept - from;
    send(session, bytes, from, kept, false);
    return;
  }
  let at = copy(bytes, from, from + STATUS_END, scratch, 0);
  scratch[MINOR_AT] = ONE;
  if (!spaced) scratch[at++] = SP;
  at = copyKeptFields(bytes, from + STATUS_END, head.fieldsEnd, responseFields, scratch, at);
  if (edited) at = copy(edits.lines, 0, edits.lines.length, scratch, at);
  if (option !== null) at = copy(option, 0, option.length, scratch, at);
  if (keepsUpgrade(head)) {
    const entry = head.upgradeField * 4;
    at = copy(bytes, responseFields.spans[entry + 2]!, responseFields.spans[entry + 3]!, scratch, at);
    at = copy(LINE_END, 0, LINE_END.length, scratch, at);
  }
  at = copy(LINE_END, 0, LINE_END.length, scratch, at);
  exchange.responseBytes += at + kept - after;
  if (kept - after <= BODY_WITH_HEAD_MAX) {
    send(session, scratch, 0, copy(bytes, after, kept, scratch, at), true);
    return;
  }
  send(session, scratch, 0, at, true);
  send(session, bytes, after, kept, false);
}

/** It is for the next hop alone, but without it nobody would know what a 101 or a 426 speaks of (RFC 9110 §15.5.22). */
function keepsUpgrade({ status, upgradeField }: ResponseHead): boolean {
  return upgradeField >= 0 && (status === 101 || status === UPGRADE_REQUIRED);
}

/** What the client must be told of the connection, if anything. */
function connectionOption(exchange: Exchange, head: ResponseHead): Buffer | null {
  if (head.status === 101) return UPGRADE;
  if (head.status < 200) return null;
  if (keepsUpgrade(head)) {
    if (exchange.closing) return CLOSE_UPGRADE;
    return exchange.request.minor === 0 ? KEEP_ALIVE_UPGRADE : UPGRADE;
  }
  if (exchange.closing) return exchange.request.minor === 1 ? CLOSE : null;
  return exchange.request.minor === 0 ? KEEP_ALIVE : null;
}
