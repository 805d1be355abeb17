import { Kind, OptionalKind, type TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { expectation, kindOf, kindTaken } from "./expectation.ts";
import { nearestName } from "./nearest_name.ts";
import { isTable, type Path, type Problem, pathName } from "./problem.ts";

/** Everything in `value` that the schema does not take. Keys with a default may be absent. */
export function shapeProblems(schema: TSchema, value: unknown, path: Path = []): Problem[] {
  const kind = schema[Kind];
  if (kind === "Union") return unionProblems(schema, value, path);
  if (kindTaken(schema) !== kindOf(value)) return [mismatch(schema, value, path)];
  if (kind === "Object" && isTable(value)) return objectProblems(schema, value, path);
  if (kind === "Record" && isTable(value)) return recordProblems(schema, value, path);
  if (kind === "Array" && Array.isArray(value)) return listProblems(schema, value, path);
  return Value.Check(schema, value) ? [] : [mismatch(schema, value, path)];
}

/** Where only one variant takes this kind of value, its own problems say more than "must be one of". */
function unionProblems(schema: TSchema, value: unknown, path: Path): Problem[] {
  const variants = (schema["anyOf"] as TSchema[]).filter((variant) => kindTaken(variant) === kindOf(value));
  const problems = variants.map((variant) => shapeProblems(variant, value, path));
  if (problems.some((found) => found.length === 0)) return [];
  const [only] = problems;
  const inside = only?.some((problem) => problem.path.length > path.length);
  return only && inside && problems.length === 1 ? only : [mismatch(schema, value, path)];
}

function objectProblems(schema: TSchema, value: Record<string, unknown>, path: Path): Problem[] {
  const properties = schema["properties"] as Record<string, TSchema>;
  const problems: Problem[] = [];
  for (const [key, item] of Object.entries(value)) {
    const of = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (!of && schema["additionalProperties"] === true) continue;
    problems.push(...(of ? shapeProblems(of, item, [...path, key]) : [unknownKey(key, properties, path)]));
  }
  for (const [key, of] of Object.entries(properties)) {
    if (Object.hasOwn(value, key) || of[OptionalKind] !== undefined || of.default !== undefined) continue;
    problems.push({
      path,
      sentence: `${pathName([...path, key])} is missing: ${of.description ?? expectation(of)}`,
    });
  }
  return problems;
}

function recordProblems(schema: TSchema, value: Record<string, unknown>, path: Path): Problem[] {
  const [[pattern, item] = []] = Object.entries(schema["patternProperties"] as Record<string, TSchema>);
  if (!pattern || !item) return [];
  return Object.entries(value).flatMap(([key, entry]) =>
    new RegExp(pattern).test(key)
      ? shapeProblems(item, entry, [...path, key])
      : [
          {
            path: [...path, key],
            sentence: `${pathName(path)} names take letters, digits, - and _, not ${JSON.stringify(key)}`,
          },
        ],
  );
}

function listProblems(schema: TSchema, value: readonly unknown[], path: Path): Problem[] {
  if (value.length < Number(schema["minItems"] ?? 0)) return [mismatch(schema, value, path)];
  return value.flatMap((item, i) => shapeProblems(schema["items"] as TSchema, item, [...path, i]));
}

function mismatch(schema: TSchema, value: unknown, path: Path): Problem {
  const kinds =
    schema[Kind] === "Union" ? (schema["anyOf"] as TSchema[]).map(kindTaken) : [kindTaken(schema)];
  const got = kinds.includes(kindOf(value)) ? "" : `, not ${kindOf(value)}`;
  // The value itself is not shown: it may hold a password.
  return { path, sentence: `${pathName(path)} must be ${expectation(schema)}${got}` };
}

function unknownKey(key: string, properties: Record<string, TSchema>, path: Path): Problem {
  const near = nearestName(key, Object.keys(properties));
  const name = pathName([...path, key]);
  return {
    path: [...path, key],
    sentence: near
      ? `${name} is not a key of trivet.toml; did you mean ${near}?`
      : `${name} is not a key of trivet.toml`,
  };
}
