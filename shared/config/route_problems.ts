import { normalHost } from "../normal_host.ts";
import { comparedPrefix } from "../normal_path.ts";
import { isTable, type Path, type Problem, type Table } from "./problem.ts";
import { fieldProblems } from "./route_fields.ts";
import { asItIs, type Shown } from "./written.ts";

/** What a route may do with a request: exactly one of these. */
const ACTIONS = ["backend", "redirect", "respond"] as const;

/** As clients send them; methods are case-sensitive (RFC 9110 §9.1). */
const STANDARD_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"];

/** These have no content (RFC 9110 §15.3.5, §15.3.6, §15.4.5). */
const BODILESS = [204, 205, 304];

interface LocatedRoute {
  path: Path;
  table: Table;
}

/** What is wrong within and between routes whose values are each right alone. */
export function routeProblems(routes: readonly LocatedRoute[], shown: Shown = asItIs): Problem[] {
  return [
    ...routes.flatMap((route) => [
      ...actionProblems(route),
      ...serverlessProblems(route),
      ...methodProblems(route, shown),
      ...prefixProblems(route),
      ...bodyProblems(route),
      ...fieldProblems(route.table["headers"], [...route.path, "headers"]),
    ]),
    ...overlaps(routes, shown),
  ];
}

function actionProblems({ path, table }: LocatedRoute): Problem[] {
  const [, ...others] = ACTIONS.filter((action) => action in table);
  const all = `${ACTIONS.slice(0, -1).join(", ")} or ${ACTIONS.at(-1)}`;
  if (!ACTIONS.some((action) => action in table))
    return [{ path, sentence: `this route has no ${all}: give it one` }];
  return others.map((action) => ({
    path: [...path, action],
    sentence: `a route has only one of ${all}: this one has more, remove all but one`,
  }));
}

/** Keys that act on what goes to a server do nothing where none is asked. */
function serverlessProblems({ path, table }: LocatedRoute): Problem[] {
  if ("backend" in table || !ACTIONS.some((action) => action in table)) return [];
  const problems: Problem[] = [];
  const headers = table["headers"];
  const request = isTable(headers) ? headers["request"] : undefined;
  if (isTable(request) && Object.keys(request).length > 0)
    problems.push({
      path: [...path, "headers", "request"],
      sentence: "proxy.route.headers.request acts only with a backend: remove it here",
    });
  if (table["strip_prefix"] === true && !("redirect" in table))
    problems.push({
      path: [...path, "strip_prefix"],
      sentence: "proxy.route.strip_prefix acts only with a backend or a redirect: remove it here",
    });
  return problems;
}

function methodProblems({ path, table }: LocatedRoute, shown: Shown): Problem[] {
  return methodsOf(table).flatMap((method, i) => {
    const place = [...path, "methods", i];
    const upper = method.toUpperCase();
    const said = shown(place, method) === method ? `"${upper}"` : "it in upper case";
    return method !== upper && STANDARD_METHODS.includes(upper)
      ? [{ path: place, sentence: `methods are case-sensitive: write ${said}` }]
      : [];
  });
}

/** One with an escaped slash would be a guess at what servers make of it. */
function prefixProblems({ path, table }: LocatedRoute): Problem[] {
  const { path_prefix: prefix } = table;
  if (typeof prefix === "string" && /[?#]/.test(prefix))
    return [
      {
        path: [...path, "path_prefix"],
        sentence: "no request has this path_prefix: a path ends before ? and #, write it without them",
      },
    ];
  if (typeof prefix !== "string" || !prefix.startsWith("/") || comparedPrefix(prefix) !== undefined)
    return [];
  return [
    {
      path: [...path, "path_prefix"],
      sentence:
        "no request has this path_prefix: write it without a backslash, a NUL, %2F and %5C, and % as %25",
    },
  ];
}

function bodyProblems({ path, table }: LocatedRoute): Problem[] {
  const { respond } = table;
  const status = isTable(respond) && typeof respond["status"] === "number" ? respond["status"] : 0;
  if (!isTable(respond) || !BODILESS.includes(status) || !respond["body"]) return [];
  return [
    {
      path: [...path, "respond", "body"],
      sentence: `an answer with status ${status} has no body: remove it`,
    },
  ];
}

/** Two routes for the same host and prefix stand side by side only when no request is for both. */
function overlaps(routes: readonly LocatedRoute[], shown: Shown): Problem[] {
  const taken = new Map<string, Set<string>>();
  return routes.flatMap(({ path, table }) => {
    const { host = "", path_prefix: prefix = "/" } = table;
    if (typeof host !== "string" || typeof prefix !== "string") return [];
    const key = `${normalHost(host)} ${comparedPrefix(prefix) ?? prefix}`;
    const before = taken.get(key) ?? new Set();
    taken.set(key, before);
    const methods = methodsOf(table);
    const own = methods.length === 0 ? [ANY] : [...new Set(methods.flatMap(withHead))];
    const both = own.filter((method) => before.has(method));
    for (const method of own) before.add(method);
    if (both.length === 0) return [];
    const open = methods.every((method, i) => shown([...path, "methods", i], method) === method);
    const which = both.includes(ANY) || !open ? "" : ` for ${both.join(", ")}`;
    return [
      {
        path,
        sentence: `this route matches the same requests as one further up${which}: remove one of the two`,
      },
    ];
  });
}

const ANY = "";

/** HEAD is answered where GET is (RFC 9110 §9.3.2). */
export function withHead(method: string): string[] {
  return method === "GET" ? ["GET", "HEAD"] : [method];
}

function methodsOf(table: Table): string[] {
  const { methods } = table;
  return Array.isArray(methods) ? methods.filter((method) => typeof method === "string") : [];
}
