import type { FieldTable } from "./http/field_table.ts";
import { octets, spellsLoosely } from "./http/octets.ts";

/**
 * Fields that a route sets or removes in the heads of one direction; prepared once a plan. A name with "_" for "-" is the
 * same name: to CGI, WSGI and Rack it is.
 */
export class FieldEdits {
  /** Those that are set, as whole lines. */
  readonly lines: Buffer;
  /** In lower case and with hyphens; all of these names go, in whatever spelling they come. */
  readonly #names: readonly Buffer[];

  /** Name → value; "" removes. */
  constructor(edits: Readonly<Record<string, string>>) {
    const entries = Object.entries(edits);
    this.#names = entries.map(([name]) => octets(name.toLowerCase().replaceAll("_", "-")));
    const set = entries.filter(([, value]) => value !== "");
    this.lines = Buffer.from(set.map(([name, value]) => `${name}: ${value}\r\n`).join(""));
  }

  /** null for a route that changes nothing. */
  static of(edits: Readonly<Record<string, string>>): FieldEdits | null {
    return Object.keys(edits).length === 0 ? null : new FieldEdits(edits);
  }

  /** Whether the field of this name, in lower case, is ours to set or to leave out. */
  names(name: string): boolean {
    return this.#names.some((known) => known.toString("latin1") === name);
  }

  /** Marks what is set anew or removed in the head that `table` was read from. */
  drop(bytes: Buffer, table: FieldTable): void {
    const { spans, count } = table;
    for (let i = 0; i < count; i++) {
      const [from, end] = [spans[i * 4]!, spans[i * 4 + 1]!];
      for (const name of this.#names) if (spellsLoosely(bytes, from, end, name)) table.drop(i);
    }
  }
}
