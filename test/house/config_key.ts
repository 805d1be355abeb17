import type { TSchema } from "@sinclair/typebox";
import { isTest, type Tree } from "./tree.ts";

/** Keys of trivet.toml that no code outside shared/config speaks of: they can't do anything. */
export function idleKeys(tree: Tree, schema: TSchema): string[] {
  const code = [...tree]
    .filter(([path]) => path.endsWith(".ts") && !path.startsWith("shared/config/") && !isTest(path))
    .map(([, text]) => text)
    .join("\n");
  return keysOf(schema)
    .filter((key) => !new RegExp(`\\b${key.split(".").at(-1)}\\b`).test(code))
    .map((key) => `${key} in trivet.toml does nothing`);
}

function keysOf(schema: TSchema, path = ""): string[] {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, TSchema>);
  const inside = [
    schema["items"],
    ...((schema["anyOf"] ?? []) as TSchema[]),
    ...Object.values(schema["patternProperties"] ?? {}),
  ];
  return [
    ...properties.flatMap(([key, of]) => {
      const name = path ? `${path}.${key}` : key;
      return [name, ...keysOf(of, name)];
    }),
    ...inside.flatMap((of) => (of ? keysOf(of as TSchema, path) : [])),
  ];
}
