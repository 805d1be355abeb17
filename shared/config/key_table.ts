import { Kind, OptionalKind, type TSchema } from "@sinclair/typebox";
import { formatNamed } from "./format.ts";
import { ConfigSchema } from "./schema.ts";

const START = "<!-- made by bin/docs from shared/config/schema.ts -->";
const END = "<!-- end -->";

interface Section {
  heading: string;
  meaning: string;
  rows: string[];
}

/** A page with the tables of all keys put between its two marks. */
export function withKeyTable(page: string): string {
  const start = page.indexOf(START);
  const end = page.indexOf(END, start);
  if (start < 0 || end < 0) throw new Error(`the page has no ${START} and ${END}`);
  return `${page.slice(0, start + START.length)}\n\n${keyTable()}\n${page.slice(end)}`;
}

function keyTable(): string {
  return sections(ConfigSchema, "", "")
    .filter(({ rows }) => rows.length > 0)
    .map(({ heading, meaning, rows }) => {
      const head = "| key | takes | default | meaning |\n|---|---|---|---|";
      return `### \`${heading}\`\n\n${meaning ? `${sentence(meaning)}\n\n` : ""}${head}\n${rows.join("\n")}\n`;
    })
    .join("\n");
}

/** The tables of a schema in the order of the file; `name` is its path, `heading` how a file opens it. */
function sections(schema: TSchema, name: string, heading: string): Section[] {
  const own: Section = { heading, meaning: schema.description ?? "", rows: [] };
  const inner: Section[] = [];
  for (const [key, of] of Object.entries(schema["properties"] as Record<string, TSchema>)) {
    const path = name ? `${name}.${key}` : key;
    const item = of["items"] as TSchema | undefined;
    if (hasKeys(of)) inner.push(...sections(of, path, `[${path}]`));
    else if (of[Kind] === "Record" && hasKeys(recordItem(of)))
      inner.push(...sections(recordItem(of), `${path}.NAME`, `[${path}.NAME]`));
    else {
      own.rows.push(row(key, of));
      const table = item && tableIn(item);
      if (table) inner.push(...sections(table, path, `[[${path}]]`));
    }
  }
  return [own, ...inner];
}

/** A table of named keys has rows of its own; one that takes any keys is a value. */
function hasKeys(schema: TSchema): boolean {
  return schema[Kind] === "Object" && Object.keys(schema["properties"] as object).length > 0;
}

/** The table that an entry of a list is, or may be. */
function tableIn(item: TSchema): TSchema | undefined {
  const variants = (item["anyOf"] as TSchema[] | undefined) ?? [item];
  return variants.find(hasKeys);
}

function recordItem(schema: TSchema): TSchema {
  const [item] = Object.values(schema["patternProperties"] as Record<string, TSchema>);
  if (!item) throw new Error("a record without items");
  return { ...item, description: item.description ?? schema.description ?? "" };
}

function row(key: string, schema: TSchema): string {
  const cells = [`\`${key}\``, takes(schema), defaultOf(schema), schema.description ?? ""];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function takes(schema: TSchema): string {
  const format = formatNamed(schema.format);
  switch (schema[Kind]) {
    case "Union":
      return (schema["anyOf"] as TSchema[]).map(takes).join(" or ");
    case "Literal":
      return `\`${JSON.stringify(schema["const"])}\``;
    case "Array":
      return `list of ${takes(schema["items"] as TSchema)}`;
    case "Object":
      return `table ${listed(Object.keys(schema["properties"] as object))}`;
    case "Record":
      return `table of NAME = ${takes(recordItem(schema))}`;
    case "Integer":
      return `whole number${schema["minimum"] ? `, at least ${schema["minimum"]}` : ""}`;
    case "Number":
      return `number from ${schema["minimum"]} to ${schema["maximum"]}`;
    case "Boolean":
      return "true or false";
    default:
      return format?.name ?? "text";
  }
}

function listed(keys: readonly string[]): string {
  return keys.length > 0 ? `(${keys.join(", ")})` : "of any keys";
}

function defaultOf(schema: TSchema): string {
  if (schema.default !== undefined) return `\`${tomlValue(schema.default)}\``;
  return schema[OptionalKind] === undefined ? "required" : "none";
}

function tomlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value);
  if (entries.length === 0) return "{}";
  return `{ ${entries.map(([key, item]) => `${key} = ${tomlValue(item)}`).join(", ")} }`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
