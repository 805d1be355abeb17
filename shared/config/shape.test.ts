import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { format } from "./format.ts";
import { shapeProblems } from "./shape.ts";

const SCHEMA = Type.Object(
  {
    name: Type.String({ minLength: 1, description: "what it is called" }),
    count: Type.Integer({ minimum: 1, maximum: 9, default: 1 }),
    ratio: Type.Optional(Type.Number({ maximum: 1 })),
    watch: Type.Boolean({ default: false }),
    kind: Type.Union([Type.Literal("json"), Type.Literal("off")], { default: "off" }),
    workers: Type.Union([Type.Literal("auto"), Type.Integer({ minimum: 1 })], { default: "auto" }),
    wait: Type.String({ format: format("duration"), default: "1s" }),
    hosts: Type.Array(Type.String({ format: format("cidr") }), { default: [], minItems: 1 }),
    server: Type.Optional(
      Type.Union([Type.String(), Type.Object({ address: Type.String() }, { additionalProperties: false })]),
    ),
    group: Type.Optional(Type.Record(Type.String({ pattern: "^[a-z]+$" }), Type.Integer())),
  },
  { additionalProperties: false },
);

const said = (value: unknown) => shapeProblems(SCHEMA, value).map(({ sentence }) => sentence);

test("what the schema takes has no problems; keys with a default may be absent", () => {
  expect(said({ name: "a" })).toEqual([]);
  expect(
    said({
      name: "a",
      count: 9,
      ratio: 0.5,
      kind: "json",
      workers: 3,
      hosts: ["::/0"],
      server: { address: "a" },
      group: { a: 1 },
    }),
  ).toEqual([]);
});

test.each([
  [{}, "name is missing: what it is called"],
  [{ name: "" }, "name must be text that is not empty"],
  [{ name: 1 }, "name must be text that is not empty, not a number"],
  [{ name: "a", count: 0 }, "count must be a whole number from 1 to 9"],
  [{ name: "a", count: 1.5 }, "count must be a whole number from 1 to 9"],
  [{ name: "a", count: Number.NaN }, "count must be a whole number from 1 to 9"],
  [{ name: "a", ratio: 2 }, "ratio must be a number, 1 or less"],
  [{ name: "a", watch: "yes" }, "watch must be true or false, not text"],
  [{ name: "a", kind: "xml" }, 'kind must be "json" or "off"'],
  [{ name: "a", workers: 0 }, 'workers must be "auto" or a whole number, 1 or more'],
  [{ name: "a", workers: true }, 'workers must be "auto" or a whole number, 1 or more, not true or false'],
  [{ name: "a", wait: 5 }, 'wait must be a time like "250ms", "5s" or "1m", not a number'],
  [{ name: "a", wait: new Date(0) }, 'wait must be a time like "250ms", "5s" or "1m", not a date'],
  [
    { name: "a", hosts: [] },
    'hosts must be a list with at least one item, each a network like "10.0.0.0/8" or "fd00::/8"',
  ],
  [{ name: "a", hosts: ["::/0", "x"] }, 'hosts item 2 must be a network like "10.0.0.0/8" or "fd00::/8"'],
  [{ name: "a", server: 1 }, "server must be text in quotes or a table with address, not a number"],
  [{ name: "a", server: { address: 1 } }, "server.address must be text in quotes, not a number"],
  [{ name: "a", group: { A: 1 } }, 'group names take letters, digits, - and _, not "A"'],
  [{ name: "a", cuont: 1 }, "cuont is not a key of trivet.toml; did you mean count?"],
  [{ name: "a", toString: 1 }, "toString is not a key of trivet.toml"],
])("%j: %s", (value, sentence) => {
  expect(said(value)).toEqual([sentence]);
});

test("several problems come together, each with its path", () => {
  expect(shapeProblems(SCHEMA, { count: 0, hosts: ["x"] }).map(({ path }) => path)).toEqual([
    ["count"],
    ["hosts", 0],
    [],
  ]);
});
