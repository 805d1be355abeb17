import { NOBODY } from "../claimed_address.ts";
import type { Exchange } from "../exchange_state.ts";
import type { FieldTable } from "../http/field_table.ts";
import { octets, spells } from "../http/octets.ts";
import { hashBytes, hashOf } from "./hash_of.ts";

/** What stands for the client of an exchange; 0: the request does not say. */
export type ClientKey = (exchange: Exchange) => number;

/** What "hash:…" goes by; null: the algorithm does not ask who the client is. */
export function clientKeyOf(balance: string): ClientKey | null {
  if (balance === "hash:ip") return addressKey;
  const [, kind, name = ""] = balance.split(":");
  if (kind === "header") return headerKey(name.toLowerCase());
  if (kind === "cookie") return cookieKey(name);
  return null;
}

/** The client's address, as trusted proxies tell it. */
function addressKey({ clientAddress }: Exchange): number {
  return clientAddress === NOBODY ? 0 : hashOf(clientAddress);
}

function headerKey(name: string): ClientKey {
  const wanted = octets(name);
  return ({ bytes, request: { fields } }) => {
    const at = nextNamed(bytes, fields, wanted, 0);
    return at < 0 ? 0 : hashBytes(bytes, ...valueAt(fields, at));
  };
}

function cookieKey(name: string): ClientKey {
  const wanted = octets("cookie");
  return ({ bytes, request: { fields } }) => {
    for (
      let at = nextNamed(bytes, fields, wanted, 0);
      at >= 0;
      at = nextNamed(bytes, fields, wanted, at + 1)
    ) {
      const value = cookieIn(bytes.toString("latin1", ...valueAt(fields, at)), name);
      if (value !== undefined) return hashOf(value);
    }
    return 0;
  };
}

/** The index of the first field of this name from `from` on; -1 when there is none. */
function nextNamed(bytes: Uint8Array, fields: FieldTable, name: Uint8Array, from: number): number {
  const { spans, count } = fields;
  for (let i = from; i < count; i++) if (spells(bytes, spans[i * 4]!, spans[i * 4 + 1]!, name)) return i;
  return -1;
}

function valueAt({ spans }: FieldTable, index: number): [number, number] {
  return [spans[index * 4 + 2]!, spans[index * 4 + 3]!];
}

/** The value of a cookie in a Cookie field (RFC 6265 §4.2.1); names are case-sensitive. */
export function cookieIn(field: string, name: string): string | undefined {
  for (const pair of field.split(";")) {
    const equals = pair.indexOf("=");
    if (equals >= 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
