/** Which octets may stand where (RFC 9110 §5.5, §5.6.2; RFC 3986 §2), as tables for one-pass loops. */

export const HTAB = 9;
export const LF = 10;
export const CR = 13;
export const SP = 32;
export const COLON = 58;

/** 1 for a token character (RFC 9110 §5.6.2): methods and field names. */
export const TOKEN = table((c) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(String.fromCharCode(c)));

/** 1 for what a field value may hold: visible characters, space, tab, and obs-text (RFC 9110 §5.5). */
export const FIELD_VALUE = table((c) => c === HTAB || (c >= SP && c !== 127));

/** 1 for what a request target may hold: visible ASCII but "#", which no target has (RFC 9112 §3.2). */
export const TARGET = table((c) => c > SP && c < 127 && c !== 35);

/** Kinds of octets in the path of a target: 0 for what ends it, else PATH_PLAIN and what more is true of it. */
export const PATH_PLAIN = 1;
/** What can't be compared as it is: a "%" begins an escape, a backslash is a slash to some. */
export const PATH_ODD = 2;
/** What is odd behind a slash: another one, and the dot that may begin a dot segment. */
export const PATH_PAIRED = 4;
/** The slash itself: one bit above PATH_PAIRED, so that a shift holds the two against each other. */
export const PATH_SLASH = 8;
export const PATH = Uint8Array.from({ length: 256 }, (_, c) => {
  const character = String.fromCharCode(c);
  if (TARGET[c] === 0 || character === "?") return 0;
  if (character === "/") return PATH_PLAIN | PATH_PAIRED | PATH_SLASH;
  if (character === ".") return PATH_PLAIN | PATH_PAIRED;
  return "%\\".includes(character) ? PATH_PLAIN | PATH_ODD : PATH_PLAIN;
});

/**
 * 1 for what a host name may hold: unreserved and sub-delims (RFC 3986 §3.2.2, reg-name). No percent: DNS knows no
 * escapes, and who does not decode them would take the name for another one.
 */
export const AUTHORITY = table((c) => /^[A-Za-z0-9\-._~!$&'()*+,;=]$/.test(String.fromCharCode(c)));

/** The value of a hexadecimal digit plus one; 0 for anything else. */
export const HEX_PLUS_ONE = Uint8Array.from({ length: 256 }, (_, c) => {
  const digit = Number.parseInt(String.fromCharCode(c), 16);
  return Number.isNaN(digit) || c > 127 ? 0 : digit + 1;
});

function table(allowed: (octet: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, c) => (c < 256 && allowed(c) ? 1 : 0));
}

/** ASCII bytes of a text. */
export function octets(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** Whether bytes[from, end) are these. */
export function equals(bytes: Uint8Array, from: number, end: number, these: Uint8Array): boolean {
  if (end - from !== these.length) return false;
  for (let i = 0; i < these.length; i++) if (bytes[from + i] !== these[i]) return false;
  return true;
}

/** Whether the bytes at `at` spell `lower` in any case. `lower` holds no letters in upper case. */
export function spells(bytes: Uint8Array, at: number, end: number, lower: Uint8Array): boolean {
  const length = lower.length;
  if (end - at !== length) return false;
  for (let i = 0; i < length; i++) {
    const c = bytes[at + i]!;
    if (c !== lower[i] && (c < 65 || c > 90 || (c | 32) !== lower[i])) return false;
  }
  return true;
}

const HYPHEN = 45;
const UNDERSCORE = 95;

/** The same, with "_" as good as "-": CGI (RFC 3875 §4.1.18) and PSGI give both to an app under one name. */
export function spellsLoosely(bytes: Uint8Array, at: number, end: number, lower: Uint8Array): boolean {
  const length = lower.length;
  if (end - at !== length) return false;
  for (let i = 0; i < length; i++) {
    const c = bytes[at + i]!;
    if (c === lower[i] || (c === UNDERSCORE && lower[i] === HYPHEN)) continue;
    if (c < 65 || c > 90 || (c | 32) !== lower[i]) return false;
  }
  return true;
}
