/** The kinds of keys that trivet.toml has in many places. */
import { type TObject, type TProperties, Type } from "@sinclair/typebox";
import { parseDuration } from "./duration.ts";
import { format } from "./format.ts";
import { parseSize } from "./size.ts";

/** A duration such as "250ms"; milliseconds once decoded. */
export const duration = (value: string, description: string) =>
  Type.Transform(Type.String({ default: value, description, format: format("duration") }))
    .Decode((text) => parseDuration(text))
    .Encode((ms) => `${ms}ms`);

/** A size such as "16KiB", or a number of bytes; bytes once decoded. */
export const size = (value: string, description: string) =>
  Type.Transform(
    Type.Union([Type.String({ format: format("size") }), Type.Integer({ minimum: 0 })], {
      default: value,
      description,
    }),
  )
    .Decode((given) => (typeof given === "number" ? given : parseSize(given)))
    .Encode((bytes) => bytes);

export const section = <T extends TProperties>(properties: T, description: string): TObject<T> =>
  Type.Object(properties, { additionalProperties: false, default: {}, description });

export const count = (value: number, description: string, minimum = 0) =>
  Type.Integer({ default: value, minimum, description });

export const networks = (description: string) =>
  Type.Array(Type.String({ format: format("cidr") }), { default: [], description });

/** How many processes. */
export const workers = (description: string) =>
  Type.Union([Type.Literal("auto"), Type.Integer({ minimum: 1, maximum: 512 })], {
    default: "auto",
    description,
  });

export const account = (kind: "user" | "group", meaning: string) =>
  Type.String({
    default: "",
    pattern: "^[^\\0:/]*$",
    description: `${meaning}; a name or number; "": ${kind === "user" ? "as started" : "the user's own"}`,
  });

export const folderOf = (file: string) =>
  Type.String({
    default: "",
    description: `working directory of the processes; "": that of the ${file}`,
  });
