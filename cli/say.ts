/** How commands print: what others named, threw or sent can't command the terminal it is shown on. */
import { plainJson, plainText } from "../shared/plain_text.ts";

/** Text for a person. */
export function say(text: string): void {
  console.log(plainText(text));
}

/** A complaint for a person, on stderr. */
export function complain(text: string): void {
  console.error(plainText(text));
}

/** For programs, as --json asks. `indent`: spaces a level; 0 is one line. */
export function sayJson(value: unknown, indent = 2): void {
  console.log(plainJson(JSON.stringify(value, null, indent)));
}
