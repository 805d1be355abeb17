/** ULIDs (github.com/ulid/spec): 48 bits of milliseconds and 80 random bits, so that ids sort by when they were made. */

const ALPHABET = Buffer.from("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
const TIME_CHARS = 10;
const RANDOM_CHARS = 16;

let lastMs = -1;
const lastRandom = new Uint8Array(RANDOM_CHARS);
const lastText = Buffer.alloc(TIME_CHARS + RANDOM_CHARS);

/** A new id of 26 characters. Within one process and one millisecond each is greater than the one before. */
export function ulid(nowMs = Date.now()): string {
  if (nowMs > lastMs) {
    lastMs = nowMs;
    crypto.getRandomValues(lastRandom);
    for (let i = 0; i < RANDOM_CHARS; i++) lastRandom[i]! &= 31;
    writeTime(nowMs);
  } else {
    // The clock stood still or went back: count on from the last id.
    increment(lastRandom);
  }
  for (let i = 0; i < RANDOM_CHARS; i++) lastText[TIME_CHARS + i] = ALPHABET[lastRandom[i]!]!;
  return lastText.toString("latin1");
}

function increment(digits: Uint8Array): void {
  for (let i = digits.length - 1; i >= 0; i--) {
    if (digits[i]! < 31) {
      digits[i]!++;
      return;
    }
    digits[i] = 0;
  }
}

function writeTime(ms: number): void {
  let rest = ms;
  for (let i = TIME_CHARS - 1; i >= 0; i--) {
    lastText[i] = ALPHABET[rest % 32]!;
    rest = Math.floor(rest / 32);
  }
}
