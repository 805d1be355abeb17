/** The fields that tell servers where a request came from (DESIGN: only trusted proxies are believed). */
import { isIP } from "node:net";
import { copy, type FieldTable } from "./http/field_table.ts";
import { CR, LF } from "./http/octets.ts";
import type { RequestHead } from "./http/request_head.ts";
import { FORWARDED_HOST, type Peer } from "./peer.ts";
import type { RequestIds } from "./request_id.ts";
import type { TrustedAddresses } from "./trusted_addresses.ts";

const REPEATED_MAX = 8192;

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

/** What a trusted proxy said of the client, as text; repeated fields are joined (RFC 9110 §5.3). */
export interface Claims {
  forwardedFor: string;
  proto: string;
  host: string;
  requestId: string;
  traceparent: string;
  tracestate: string;
}

/** Reads the claims out of the fields of the head parsed last. */
export function readClaims(bytes: Buffer, table: FieldTable): Claims {
  const value = (name: string) => {
    const found: string[] = [];
    for (let i = 0; i < table.count; i++) {
      const entry = i * 4;
      const field = bytes.toString("latin1", table.spans[entry]!, table.spans[entry + 1]!).toLowerCase();
      if (field === name)
        found.push(bytes.toString("latin1", table.spans[entry + 2]!, table.spans[entry + 3]!));
    }
    return found.join(", ").slice(0, REPEATED_MAX);
  };
  return {
    forwardedFor: value("x-forwarded-for"),
    proto: value("x-forwarded-proto"),
    host: value("x-forwarded-host"),
    requestId: value("x-request-id"),
    traceparent: value("traceparent"),
    tracestate: value("tracestate"),
  };
}

/** The client's own address: the last one in X-Forwarded-For, from the right, that is no trusted proxy's. */
export function clientOf(peerAddress: string, forwardedFor: string, trusted: TrustedAddresses): string {
  let client = peerAddress;
  for (const entry of forwardedFor.split(",").toReversed()) {
    const address = entry.trim();
    if (isIP(address) === 0) break;
    client = address;
    if (!trusted.has(address)) break;
  }
  return client;
}

/** The same fields, with what a trusted proxy claimed kept. */
export function trustedForwarded(
  peer: Peer,
  claims: Claims,
  host: string,
  ours: { id: string; traceparent: string },
  client: string,
): string {
  const chain = claims.forwardedFor ? `${claims.forwardedFor}, ${peer.address}` : peer.address;
  const forwardedHost = claims.host || host;
  return [
    `X-Forwarded-For: ${chain}`,
    `X-Real-IP: ${client}`,
    `X-Forwarded-Proto: ${claims.proto || "http"}`,
    ...(forwardedHost ? [`X-Forwarded-Host: ${forwardedHost}`] : []),
    `X-Request-ID: ${claims.requestId || ours.id}`,
    `traceparent: ${claims.traceparent || ours.traceparent}`,
    ...(claims.traceparent && claims.tracestate ? [`tracestate: ${claims.tracestate}`] : []),
    "",
  ].join("\r\n");
}
