import { Kind, type TSchema } from "@sinclair/typebox";
import { formatNamed } from "./format.ts";
import { ConfigSchema } from "./schema.ts";

/** trivet.toml as a JSON Schema that editors understand. */
export function jsonSchema(): Record<string, unknown> {
  return { $schema: "http://json-schema.org/draft-07/schema#", title: "trivet.toml", ...plain(ConfigSchema) };
}

/** A key with a default may be left out, and no editor knows our formats: they become words. */
function plain(schema: TSchema): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) made[key] = plainValue(key, value);
  const words = formatNamed(schema.format)?.words;
  if (words) {
    delete made["format"];
    made["description"] = [schema.description, words].filter(Boolean).join("; ");
  }
  if (schema[Kind] === "Object") made["required"] = required(schema);
  return made;
}

function plainValue(key: string, value: unknown): unknown {
  if (key === "anyOf") return (value as TSchema[]).map(plain);
  if (key === "items") return plain(value as TSchema);
  if (key !== "properties" && key !== "patternProperties") return value;
  return Object.fromEntries(
    Object.entries(value as Record<string, TSchema>).map(([name, of]) => [name, plain(of)]),
  );
}

function required(schema: TSchema): string[] {
  const properties = schema["properties"] as Record<string, TSchema>;
  return ((schema["required"] ?? []) as string[]).filter((name) => properties[name]?.default === undefined);
}
