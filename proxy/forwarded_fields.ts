/** The fields that tell servers where a request came from (DESIGN: only trusted proxies are believed). */
import type { AddressSet } from "./address_set.ts";
import { addressIn, NOBODY } from "./claimed_address.ts";
import type { Exchange } from "./exchange_state.ts";
import { copy, type FieldTable } from "./http/field_table.ts";
import { CR, LF, octets, spells } from "./http/octets.ts";
import type { RequestHead } from "./http/request_head.ts";
import { FORWARDED_HOST, type Peer } from "./peer.ts";
import type { RequestIds } from "./request_id.ts";

/** What one claim may have over all its fields: beyond it the newest part, which stands last, could get lost. */
const CLAIM_CHARS_MAX = 8192;
const CLAIM = {
  forwardedFor: octets("x-forwarded-for"),
  proto: octets("x-forwarded-proto"),
  host: octets("x-forwarded-host"),
  prefix: octets("x-forwarded-prefix"),
  requestId: octets("x-request-id"),
  traceparent: octets("traceparent"),
  tracestate: octets("tracestate"),
};

/** Writes our own fields for a client that nobody vouches for; the index after them. */
export function writeForwarded(
  peer: Peer,
  head: RequestHead,
  bytes: Buffer,
  ids: RequestIds,
  id: number,
  out: Buffer,
  to: number,
): number {
  let at = copy(peer.forwarded, 0, peer.forwarded.length, out, to);
  if (head.hostEnd > 0) {
    at = copy(bytes, head.hostStart, head.hostEnd, out, at);
    out[at] = CR;
    out[at + 1] = LF;
    at += 2;
  } else {
    // No host to speak of: the name that waits for it is taken back.
    at -= FORWARDED_HOST.length;
  }
  const ours = ids.fields(id);
  return copy(ours, 0, ours.length, out, at);
}

/** What a trusted proxy said of the client, as text; repeated fields are joined (RFC 9110 §5.3). "": nothing. */
export interface Claims {
  /** null: the field is absent, which is not the same as one that names nobody. */
  forwardedFor: string | null;
  proto: string;
  host: string;
  prefix: string;
  requestId: string;
  traceparent: string;
  tracestate: string;
}

/** Reads the claims out of the fields of a head; null when one of them is longer than any honest one. */
export function readClaims(bytes: Buffer, table: FieldTable): Claims | null {
  let longest = 0;
  const value = (name: Buffer): string | null => {
    const found: string[] = [];
    const { spans, count } = table;
    for (let i = 0; i < count * 4; i += 4) {
      if (spells(bytes, spans[i]!, spans[i + 1]!, name))
        found.push(bytes.toString("latin1", spans[i + 2], spans[i + 3]));
    }
    if (found.length === 0) return null;
    const joined = found.join(", ");
    longest = Math.max(longest, joined.length);
    return joined;
  };
  const claims = {
    forwardedFor: value(CLAIM.forwardedFor),
    proto: value(CLAIM.proto) ?? "",
    host: value(CLAIM.host) ?? "",
    prefix: value(CLAIM.prefix) ?? "",
    requestId: value(CLAIM.requestId) ?? "",
    traceparent: value(CLAIM.traceparent) ?? "",
    tracestate: value(CLAIM.tracestate) ?? "",
  };
  return longest > CLAIM_CHARS_MAX ? null : claims;
}

/**
 * The client's own address: the last one in X-Forwarded-For, from the right, that is no trusted proxy's. NOBODY where a
 * trusted proxy did not know whom it serves: what stands left of that is anybody's word.
 */
export function clientOf(peerAddress: string, forwardedFor: string | null, trusted: AddressSet): string {
  if (forwardedFor === null) return peerAddress;
  const chain = forwardedFor.split(",");
  let client = peerAddress;
  for (let i = chain.length - 1; i >= 0; i--) {
    client = addressIn(chain[i]!);
    if (client === NOBODY || !trusted.has(client)) break;
  }
  return client;
}

/** Takes a trusted proxy's word on whose request this is; false when it says more than can be read. */
export function believe(exchange: Exchange): boolean {
  const { bytes, request, session } = exchange;
  const claims = readClaims(bytes, request.fields);
  exchange.claims = claims;
  exchange.claimedClient =
    claims === null ? NOBODY : clientOf(session.peer.address, claims.forwardedFor, session.edge.trusted);
  exchange.claimedId = claims?.requestId ?? "";
  return claims !== null;
}

/** The same fields, with what a trusted proxy claimed kept. `prefix`: what our route strips of the path, or "". */
export function trustedForwarded(
  peer: Peer,
  claims: Claims,
  host: string,
  ours: { id: string; traceparent: string },
  client: string,
  prefix: string,
): string {
  const { forwardedFor } = claims;
  const chain = forwardedFor === null ? peer.address : `${forwardedFor || NOBODY}, ${peer.address}`;
  const forwardedHost = claims.host || host;
  // What the proxy in front of us stripped stands before what we do.
  const wholePrefix = claims.prefix.replace(/\/+$/, "") + prefix;
  return [
    `X-Forwarded-For: ${chain}`,
    `X-Real-IP: ${client}`,
    `X-Forwarded-Proto: ${claims.proto || "http"}`,
    ...(forwardedHost ? [`X-Forwarded-Host: ${forwardedHost}`] : []),
    ...(wholePrefix ? [`X-Forwarded-Prefix: ${wholePrefix}`] : []),
    `X-Request-ID: ${claims.requestId || ours.id}`,
    `traceparent: ${claims.traceparent || ours.traceparent}`,
    ...(claims.traceparent && claims.tracestate ? [`tracestate: ${claims.tracestate}`] : []),
    "",
  ].join("\r\n");
}
