import { expect, test } from "bun:test";
import { jsonSchema } from "./json_schema.ts";

const text = JSON.stringify(jsonSchema());

test("names no format that an editor would not know", () => {
  expect(text).not.toContain("trivet-");
  expect(text).toContain('a time like \\"250ms\\"');
});

test("asks only for keys without a default", () => {
  const asked = [...text.matchAll(/"required":\[([^\]]*)\]/g)].flatMap(([, names = ""]) =>
    names.split(",").filter(Boolean),
  );
  expect([...new Set(asked)].sort()).toEqual(
    ["address", "jobs", "name", "schedule", "servers", "to", "type"].map((name) => JSON.stringify(name)),
  );
});

test("refuses unknown keys, and takes tables of any name as backends", () => {
  const schema = jsonSchema() as {
    additionalProperties: boolean;
    properties: { backend: { patternProperties: object } };
  };
  expect(schema.additionalProperties).toBe(false);
  expect(Object.keys(schema.properties.backend.patternProperties)).toHaveLength(1);
});
