/** Paths in the form that all equivalent ones have in common (RFC 3986 §6.2.2). */

const ESCAPE = /%([0-9A-Fa-f]{2})?/g;
/** RFC 3986 §2.3: to escape these means nothing. */
const UNRESERVED = /^[A-Za-z0-9\-._~]$/;
/** What some servers take for a "/". */
const ESCAPED_SLASH = /%(?:2f|5c)/gi;

/**
 * A path that begins with "/" and has no query, without dot segments (§6.2.2.3, §5.2.4) and without escapes of what
 * needs none (§6.2.2.2). undefined for one that servers do not agree on: with a backslash, a NUL, or a "%" that begins
 * no escape.
 */
export function normalPath(path: string): string | undefined {
  if (path.includes("\\")) return undefined;
  let sound = true;
  const plain = path.replace(ESCAPE, (written, digits?: string) => {
    const octet = digits === undefined ? 0 : Number.parseInt(digits, 16);
    if (octet === 0) sound = false;
    const character = String.fromCharCode(octet);
    return UNRESERVED.test(character) ? character : written;
  });
  return sound ? withoutDots(plain) : undefined;
}

/** A path in which several slashes count as one, as in nginx. */
export function mergedPath(path: string): string {
  return path.replace(/\/{2,}/g, "/");
}

/** A path as it is compared: escapes have no case. */
export function comparedPath(path: string): string {
  return path.replace(ESCAPE, (written) => written.toUpperCase());
}

/**
 * A normal path as servers read it that take escaped slashes and backslashes for slashes: some then resolve dot segments,
 * and some count several slashes as one. Empty where there is no such escape.
 */
export function slashedPaths(normal: string): string[] {
  const slashed = normal.replace(ESCAPED_SLASH, "/");
  if (slashed === normal) return [];
  return [slashed, withoutDots(slashed)].flatMap((path) => [path, mergedPath(path)]);
}

/** The path_prefix of a route as it is compared; undefined for one that no request can have. */
export function comparedPrefix(prefix: string): string | undefined {
  const sent = Array.from(Buffer.from(prefix), asInTarget).join("");
  const normal = normalPath(sent);
  if (normal === undefined || slashedPaths(normal).length > 0) return undefined;
  return comparedPath(mergedPath(normal));
}

/** Clients escape what is no visible ASCII (RFC 3986 §2.1). */
function asInTarget(octet: number): string {
  if (octet > 32 && octet < 127) return String.fromCharCode(octet);
  return `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
}

function withoutDots(path: string): string {
  const kept: string[] = [];
  const segments = path.split("/").slice(1);
  for (const [i, segment] of segments.entries()) {
    const dots = segment === "." || segment === "..";
    if (segment === "..") kept.pop();
    if (!dots) kept.push(segment);
    else if (i === segments.length - 1) kept.push("");
  }
  return `/${kept.join("/")}`;
}
