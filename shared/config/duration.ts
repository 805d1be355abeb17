const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds of a duration such as "250ms", "5s", "1m", "1h", "30d"; "0" is zero. Throws a RangeError on any other text. */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (!match)
    throw new RangeError(
      `"${text}" is not a duration: write a number and a unit, like "250ms", "5s" or "1m"`,
    );
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}
