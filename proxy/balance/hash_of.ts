const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a over bytes[from, end), then mixed: the same in every process and on every machine. Never 0. */
export function hashBytes(bytes: Uint8Array, from: number, end: number): number {
  let hash = FNV_OFFSET;
  for (let i = from; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, FNV_PRIME);
  return mix(hash) || 1;
}

export function hashOf(text: string): number {
  const bytes = Buffer.from(text, "latin1");
  return hashBytes(bytes, 0, bytes.length);
}

/** Spreads a difference in any bit over all of them (MurmurHash3, fmix32); 0 … 2³²−1. */
export function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
