const HEAD_BYTES = 54;

/** A picture with a colour gradient, and its upper left corner white. */
export async function picture(width: number, height: number, format: "jpeg" | "png"): Promise<Uint8Array> {
  const image = new Bun.Image(bitmap(width, height));
  return format === "png" ? image.png().bytes() : image.jpeg({ quality: 90 }).bytes();
}

/** The same JPEG as a camera held upright writes it: to be turned a quarter clockwise (EXIF orientation 6). */
export function turned(jpeg: Uint8Array): Uint8Array {
  // TIFF, big-endian: one directory with one entry, 0x0112 (orientation), a short.
  const exif = Buffer.from(
    "457869660000 4d4d002a00000008 0001 0112 0003 00000001 00060000 00000000".replaceAll(" ", ""),
    "hex",
  );
  const marker = Buffer.from([0xff, 0xe1, 0, exif.length + 2]);
  return Buffer.concat([jpeg.subarray(0, 2), marker, exif, jpeg.subarray(2)]);
}

/** An uncompressed BMP: what can be written by hand. */
function bitmap(width: number, height: number): Uint8Array {
  const rowBytes = Math.ceil((width * 3) / 4) * 4;
  const bytes = Buffer.alloc(HEAD_BYTES + rowBytes * height);
  bytes.write("BM");
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(HEAD_BYTES, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(-height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const corner = x < width / 4 && y < height / 4;
      const pixel = corner ? [255, 255, 255] : [(x * 255) / width, (y * 255) / height, 90];
      bytes.set(pixel, HEAD_BYTES + y * rowBytes + x * 3);
    }
  }
  return bytes;
}
