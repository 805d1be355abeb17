import { Kind, OptionalKind, type TSchema } from "@sinclair/typebox";
import { formatNamed } from "./format.ts";

/** What a value is, in a reader's words. */
export function kindOf(value: unknown): string {
  if (typeof value === "string") return "text";
  if (typeof value === "number" || typeof value === "bigint") return "a number";
  if (typeof value === "boolean") return "true or false";
  if (Array.isArray(value)) return "a list";
  return value instanceof Date ? "a date" : "a table";
}

/** The kind of value that a schema takes; undefined when it takes several. */
export function kindTaken(schema: TSchema): string | undefined {
  switch (schema[Kind]) {
    case "String":
      return "text";
    case "Literal":
      return kindOf(schema["const"]);
    case "Integer":
    case "Number":
      return "a number";
    case "Boolean":
      return "true or false";
    case "Array":
      return "a list";
    case "Object":
    case "Record":
      return "a table";
    default:
      return undefined;
  }
}

/** What a schema takes, in words that fit after "must be". */
export function expectation(schema: TSchema): string {
  switch (schema[Kind]) {
    case "Union":
      return either((schema["anyOf"] as TSchema[]).map(expectation));
    case "Literal":
      return JSON.stringify(schema["const"]);
    case "Integer":
      return `a whole number${bounds(schema)}`;
    case "Number":
      return `a number${bounds(schema)}`;
    case "String":
      return formatNamed(schema.format)?.words ?? textExpectation(schema);
    case "Array":
      return arrayExpectation(schema);
    case "Object":
    case "Record":
      return `a table${keysHint(schema)}`;
    default:
      return kindTaken(schema) ?? "something else";
  }
}

function textExpectation(schema: TSchema): string {
  if (schema["pattern"] === "^/") return 'a path that starts with "/"';
  return schema["minLength"] ? "text that is not empty" : "text in quotes";
}

function arrayExpectation(schema: TSchema): string {
  const items = schema["items"] as TSchema;
  const least = schema["minItems"] ? " with at least one item" : "";
  return kindTaken(items) === "a table"
    ? `a list of tables${least}`
    : `a list${least}, each ${expectation(items)}`;
}

function bounds({ minimum, maximum }: TSchema): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `, ${minimum} or more`;
  return maximum === undefined ? "" : `, ${maximum} or less`;
}

/** " with address": the keys a table can't be without. */
function keysHint(schema: TSchema): string {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, TSchema>);
  const needed = properties.filter(([, of]) => of[OptionalKind] === undefined && of.default === undefined);
  return needed.length > 0 ? ` with ${needed.map(([name]) => name).join(", ")}` : "";
}

function either(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
