import { Type } from "@sinclair/typebox";
import { format } from "./format.ts";
import { networks, section } from "./key_kind.ts";

const Redirect = Type.Object(
  {
    to: Type.String({
      format: format("redirect"),
      description: "an origin keeps the request's path and query; with a path it is used as it is",
    }),
    status: Type.Union(
      [Type.Literal(301), Type.Literal(302), Type.Literal(303), Type.Literal(307), Type.Literal(308)],
      { default: 302, description: "301 and 308 are for ever; 307 and 308 keep method and body" },
    ),
  },
  { additionalProperties: false, description: "answers with a Location" },
);

const Respond = Type.Object(
  {
    status: Type.Integer({ default: 200, minimum: 200, maximum: 599, description: "of the answer" }),
    body: Type.String({
      default: "",
      description: "plain text, unless headers.response says another Content-Type; none with 204, 205, 304",
    }),
  },
  { additionalProperties: false, description: "answers with this" },
);

const fields = (description: string) =>
  Type.Record(Type.String(), Type.String({ format: format("field-value") }), { default: {}, description });

/** A [[proxy.route]]. */
export const Route = Type.Object(
  {
    host: Type.Optional(
      Type.String({
        format: format("host-pattern"),
        description: '"example.com" or "*.example.com"; absent: any host',
      }),
    ),
    path_prefix: Type.String({
      default: "/",
      pattern: "^/",
      description: "matched on segment boundaries; the longest wins",
    }),
    methods: Type.Array(Type.String({ format: format("method") }), {
      default: [],
      description: "only these; GET takes HEAD along; []: all. docs/routes.md",
    }),
    backend: Type.Optional(
      Type.String({ minLength: 1, description: 'the name of a [backend.NAME], or "serve:"' }),
    ),
    redirect: Type.Optional(Redirect),
    respond: Type.Optional(Respond),
    strip_prefix: Type.Boolean({
      default: false,
      description: "the server gets the path without path_prefix, and X-Forwarded-Prefix",
    }),
    access_log: Type.Boolean({ default: true, description: "false: no line; still counted" }),
    allow: networks("only these clients, by their trusted address; others get 403; []: all"),
    deny: networks("these clients get 403, even when allow has them"),
    headers: section(
      {
        request: fields('set on the way to the server; "" removes'),
        response: fields('set on the way to the client; "" removes'),
      },
      "fields set, in place of all of that name, or removed",
    ),
  },
  { additionalProperties: false },
);
