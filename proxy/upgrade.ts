/** Whether a connection may become a tunnel (RFC 9110 §7.8). */
import type { Exchange } from "./exchange_state.ts";
import type { FieldTable } from "./http/field_table.ts";
import { carriesRequests } from "./http/upgrade_protocols.ts";

/** An upgrade with a body leaves it open where the new protocol starts, and requests must not pass us unseen. */
export function maySwitch({ bytes, request, requestBody }: Exchange): boolean {
  const { upgradeField, fields } = request;
  return requestBody.kind === "none" && upgradeField >= 0 && !upgradesToRequests(bytes, fields, upgradeField);
}

/** Whether the Upgrade field at this index names a protocol that carries requests. */
export function upgradesToRequests(bytes: Buffer, { spans }: FieldTable, upgradeField: number): boolean {
  const entry = upgradeField * 4;
  return carriesRequests(bytes, spans[entry + 2]!, spans[entry + 3]!);
}
