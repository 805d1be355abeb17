/** All but line feed and tab: the others move the cursor, colour what follows, or worse (ECMA-48). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** A text of somebody else's for logs and terminals: its control characters are shown, not obeyed; cut to `charsMax`. */
export function plainText(text: string, charsMax: number): string {
  return text
    .slice(0, charsMax)
    .replace(CONTROL, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
