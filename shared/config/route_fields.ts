import { isTable, type Path, type Problem } from "./problem.ts";

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/;
/** As in a request (RFC 9110 §7.2). */
const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/** All fields of one direction, with what stands between name and value: room for them is kept in every head. */
const FIELDS_BYTES_MAX = 16_384;
const PER_FIELD_BYTES = 4;

/** They say how this message is carried on this connection (RFC 9110 §7.6.1, §10.1.1; RFC 9112 §6): the edge's to write. */
const OF_THE_CONNECTION = [
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** The edge says these itself; a trusted proxy's are believed. */
const OF_THE_CLIENT = [
  "forwarded",
  "traceparent",
  "tracestate",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-prefix",
  "x-forwarded-proto",
  "x-real-ip",
  "x-request-id",
];

/** What is wrong with `headers` of a route. */
export function fieldProblems(headers: unknown, path: Path): Problem[] {
  if (!isTable(headers)) return [];
  const { request, response } = headers;
  return [
    ...nameProblems(request, [...path, "request"], OF_THE_CLIENT),
    ...hostProblems(request, [...path, "request"]),
    ...nameProblems(response, [...path, "response"], []),
  ];
}

function nameProblems(fields: unknown, path: Path, ours: readonly string[]): Problem[] {
  if (!isTable(fields)) return [];
  const seen = new Set<string>();
  let bytes = 0;
  const problems = Object.entries(fields).flatMap(([name, value]) => {
    const lower = name.toLowerCase();
    // To a server that speaks CGI, WSGI or Rack with an app it is the same.
    const known = lower.replaceAll("_", "-");
    bytes += name.length + Buffer.byteLength(typeof value === "string" ? value : "") + PER_FIELD_BYTES;
    const sentence = seen.has(lower)
      ? `${lower} is named twice: names of fields have no case, remove one of the two`
      : nameProblem(name, known, ours);
    seen.add(lower);
    return sentence === undefined ? [] : [{ path: [...path, name], sentence }];
  });
  if (bytes > FIELDS_BYTES_MAX)
    problems.push({
      path: [...path],
      sentence: "the fields a route sets may have 16 KiB: set fewer or shorter ones",
    });
  return problems;
}

function nameProblem(name: string, known: string, ours: readonly string[]): string | undefined {
  if (!TOKEN.test(name))
    return `${JSON.stringify(name)} can't be the name of a field: letters, digits and - do`;
  if (OF_THE_CONNECTION.includes(known))
    return `${name} can't be set or removed: it belongs to the connection, not to the message`;
  if (ours.includes(known))
    return `${name} can't be set or removed: the edge writes it; proxy.trusted_proxies says whose word it keeps`;
  return undefined;
}

/** A server must be told a host, and one that is none is refused by strict ones (RFC 9112 §3.2). */
function hostProblems(request: unknown, path: Path): Problem[] {
  if (!isTable(request)) return [];
  return Object.entries(request).flatMap(([name, value]) =>
    name.toLowerCase() !== "host" || typeof value !== "string" || HOST.test(value)
      ? []
      : [
          {
            path: [...path, name],
            sentence: `${name} must be a host name like "example.com" or "example.com:8080"`,
          },
        ],
  );
}
