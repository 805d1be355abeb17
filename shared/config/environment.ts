import { isTable, type Path, type Problem } from "./problem.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** ${NAME}, ${NAME:-default}; $${ stands for ${ itself. */
const REFERENCE = /\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

/** Whether a variable stands in a text. */
export function hasReference(text: string): boolean {
  return Array.from(text.matchAll(REFERENCE)).some(([, , name]) => name !== undefined);
}

/** A copy of `value` with the variables in its strings replaced; those that can't be go to `problems`. */
export function expandEnvironment(
  value: unknown,
  env: Environment,
  problems: Problem[],
  path: Path = [],
): unknown {
  if (typeof value === "string") return expandText(value, env, problems, path);
  if (Array.isArray(value))
    return value.map((item, i) => expandEnvironment(item, env, problems, [...path, i]));
  if (!isTable(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, expandEnvironment(item, env, problems, [...path, key])]),
  );
}

function expandText(text: string, env: Environment, problems: Problem[], path: Path): string {
  return text.replace(REFERENCE, (whole, escaped?: string, name?: string, fallback?: string) => {
    if (escaped) return escaped;
    if (!name) {
      problems.push({
        path,
        sentence: `write \${NAME} or \${NAME:-default} for an environment variable, $\${ for a plain \${`,
      });
      return whole;
    }
    // As in a shell, ":-" also stands in for a variable that is set but empty.
    const known = fallback === undefined ? env[name] : env[name] || fallback;
    if (known !== undefined) return known;
    problems.push({
      path,
      sentence: `the environment variable ${name} is not set: set it, or write \${${name}:-default}`,
    });
    return whole;
  });
}
