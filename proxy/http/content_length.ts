/** No or an unusable Content-Length. */
export const NO_LENGTH = -1;
export const BAD_LENGTH = -2;

/** A Content-Length value: digits only (RFC 9110 §8.6), at most 2^53 - 1; BAD_LENGTH for signs, lists and the rest. */
export function readContentLength(bytes: Uint8Array, from: number, end: number): number {
  if (end === from || end - from > 16) return BAD_LENGTH;
  let length = 0;
  for (let i = from; i < end; i++) {
    const digit = bytes[i]! - 48;
    if (digit < 0 || digit > 9) return BAD_LENGTH;
    length = length * 10 + digit;
  }
  return Number.isSafeInteger(length) ? length : BAD_LENGTH;
}
