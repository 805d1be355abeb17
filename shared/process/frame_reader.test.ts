import { expect, test } from "bun:test";
import { FrameReader, frameOf } from "./frame_reader.ts";

function readAll(reader: FrameReader): string[] {
  const texts: string[] = [];
  for (let text = reader.next(); text !== undefined; text = reader.next()) texts.push(text);
  return texts;
}

test("frames are found however the bytes are cut", () => {
  const messages = [{ a: "ä" }, 1, null, "x".repeat(1000), []];
  const bytes = Buffer.concat(messages.map(frameOf));
  for (const size of [1, 2, 3, 5, 64, 1000, bytes.length]) {
    const reader = new FrameReader(2000);
    const texts: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      reader.push(bytes.subarray(at, at + size));
      texts.push(...readAll(reader));
    }
    expect(texts.map((text) => JSON.parse(text))).toEqual(messages);
  }
});

test("what is pushed may be overwritten afterwards", () => {
  const reader = new FrameReader(100);
  const bytes = Buffer.from(frameOf("kept"));
  reader.push(bytes.subarray(0, 6));
  const rest = Buffer.from(bytes.subarray(6));
  bytes.fill(0);
  reader.push(rest);
  expect(readAll(reader)).toEqual(['"kept"']);
});

test("a frame over the limit is refused by its length alone", () => {
  const reader = new FrameReader(100);
  reader.push(frameOf("x".repeat(98)));
  expect(readAll(reader)).toHaveLength(1);
  reader.push(frameOf("x".repeat(99)).subarray(0, 4));
  expect(() => reader.next()).toThrow(RangeError);
});
