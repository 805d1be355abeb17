/** Whether a connection may become a tunnel (RFC 9110 §7.8). */
import type { Exchange } from "./exchange_state.ts";
import type { FieldTable } from "./http/field_table.ts";
import { protocolsIn } from "./http/upgrade_protocols.ts";

/**
 * Upgrade means nothing in HTTP/1.0, and one with a body leaves it open where the new protocol starts. Requests must not
 * pass us unseen.
 */
export function maySwitch({ bytes, request, requestBody }: Exchange): boolean {
  const { upgradeField, fields, minor } = request;
  if (minor === 0 || requestBody.kind !== "none" || upgradeField < 0) return false;
  return protocolsIn(textOf(bytes, fields, upgradeField)) !== undefined;
}

/** Whether a server's 101, with its Upgrade field at this index, names what the client has offered and nothing else. */
export function isOffered(
  exchange: Exchange,
  bytes: Buffer,
  table: FieldTable,
  upgradeField: number,
): boolean {
  const { request } = exchange;
  const offered = protocolsIn(textOf(exchange.bytes, request.fields, request.upgradeField));
  const chosen = protocolsIn(textOf(bytes, table, upgradeField));
  return chosen?.every((name) => offered?.includes(name)) ?? false;
}

function textOf(bytes: Buffer, { spans }: FieldTable, index: number): string {
  return bytes.toString("latin1", spans[index * 4 + 2], spans[index * 4 + 3]);
}
