const UNIT_BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** Bytes of a size such as "16KiB" or "10MiB"; a bare number is bytes. Throws a RangeError on any other text. */
export function parseSize(text: string): number {
  const match = /^(\d+)(B|KiB|MiB|GiB)?$/.exec(text);
  if (!match)
    throw new RangeError(`"${text}" is not a size: write a number and a unit, like "16KiB" or "10MiB"`);
  return Number(match[1]) * UNIT_BYTES[(match[2] ?? "B") as keyof typeof UNIT_BYTES];
}
