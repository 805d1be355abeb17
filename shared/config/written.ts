import { hasReference } from "./environment.ts";
import { isTable, type Path } from "./problem.ts";

/**
 * The text that a sentence may show for the value of a key. Where environment variables stand in it, that is what the
 * file says, never what they hold: it may be a secret, which was only put into the wrong place.
 */
export type Shown = (path: Path, value: string) => string;

/** For a value in which no variable stands. */
export const asItIs: Shown = (_, value) => value;

/** By the file as it was parsed, before variables were replaced. */
export function shownAs(said: unknown): Shown {
  return (path, value) => {
    const text = path.reduce<unknown>(inside, said);
    return typeof text === "string" && hasReference(text) ? text : value;
  };
}

function inside(value: unknown, key: string | number): unknown {
  if (typeof key === "number") return Array.isArray(value) ? value[key] : undefined;
  return isTable(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}
