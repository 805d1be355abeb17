/** What clients send, made fit for a line of the access log: printable ASCII, whatever it was, and never too long. */

/** All printable ASCII but the quote and the sign of an escape. */
const PLAIN_HAPROXY = /^[ !$-~]*$/;
const ESCAPED_CHARS_MAX = 6;
const FIRST_PRINTABLE = 32;
const LAST_PRINTABLE = 126;

/** Any text as it stands within the quotes of a JSON string. */
export function escapeJson(text: string, charsMax: number): string {
  let out = "";
  for (let i = 0; i < text.length && out.length + ESCAPED_CHARS_MAX <= charsMax; i++) {
    const code = text.charCodeAt(i);
    if (code === 34 || code === 92) out += `\\${text[i]}`;
    else if (code >= FIRST_PRINTABLE && code <= LAST_PRINTABLE) out += text[i];
    else out += `\\u${code.toString(16).padStart(4, "0")}`;
  }
  return out;
}

/** bytes[from, end) as HAProxy writes it: what is not printable, and " and #, as # and two digits (its section 8.6). */
export function haproxyText(bytes: Buffer, from: number, end: number, charsMax: number): string {
  const text = bytes.toString("latin1", from, Math.min(end, from + charsMax));
  if (PLAIN_HAPROXY.test(text)) return text;
  let out = "";
  for (let i = 0; i < text.length && out.length + ESCAPED_CHARS_MAX <= charsMax; i++) {
    const code = text.charCodeAt(i);
    const plain = code >= FIRST_PRINTABLE && code <= LAST_PRINTABLE && code !== 34 && code !== 35;
    out += plain ? text[i] : `#${code.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

/** bytes[from, end) for a terminal: what is not printable ASCII as \\x and two digits. */
export function watchedText(bytes: Buffer, from: number, end: number, charsMax: number): string {
  return bytes
    .toString("latin1", from, Math.min(end, from + charsMax))
    .replace(/[^ -~]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** A name of the config as one word without slashes, for a format that separates by both. */
export function wordOf(name: string): string {
  return name
    .replace(/^unix:\/+/, "unix:")
    .replaceAll("/", "-")
    .replace(/[^!-~]/g, "_");
}
