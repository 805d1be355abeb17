/**
 * Texts of somebody else's for logs and terminals. Control characters are shown, not obeyed: they move the cursor,
 * colour what follows, or worse (ECMA-48, C0 and C1), or turn the order of what is read (Unicode Annex 9, UAX #9 §2).
 */

/** All that a terminal or a reader obeys; half a surrogate pair is no character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/gu;
const LAST_OF_TWO_DIGITS = 0xff;

/** Of several lines: line feeds and tabs stay. Cut to `charsMax`. */
export function plainText(text: string, charsMax = Number.POSITIVE_INFINITY): string {
  return text
    .slice(0, charsMax)
    .replace(CONTROL, (char) => (char === "\n" || char === "\t" ? char : shown(char)));
}

/** As one line, or a part of one: what would look like another line is shown too. */
export function plainLine(text: string): string {
  return text.replace(CONTROL, (char) => (char === "\n" ? "\\n" : char === "\t" ? "\\t" : shown(char)));
}

/** The same value in JSON (RFC 8259 §7), fit for a terminal. */
export function plainJson(json: string): string {
  return json.replace(CONTROL, (char) => (char === "\n" ? char : `\\u${hex(char, 4)}`));
}

function shown(char: string): string {
  return char.charCodeAt(0) <= LAST_OF_TWO_DIGITS ? `\\x${hex(char, 2)}` : `\\u${hex(char, 4)}`;
}

function hex(char: string, digits: number): string {
  return char.charCodeAt(0).toString(16).padStart(digits, "0");
}
