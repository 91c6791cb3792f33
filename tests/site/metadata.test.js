import assert from "node:assert/strict";
import { test } from "node:test";

import { readOrientation, withoutMetadata } from "../../site/js/photo_metadata.js";

const latin = (text) => Buffer.from(text, "latin1");
const uint = (value, bytes, little) => {
  const buffer = Buffer.alloc(bytes);
  if (little) buffer.writeUIntLE(value, 0, bytes);
  else buffer.writeUIntBE(value, 0, bytes);
  return buffer;
};

/** A TIFF structure with one tag; type 3 is SHORT, 4 LONG. */
function tiff(value, { little = true, type = 3 } = {}) {
  const u = (each, bytes) => uint(each, bytes, little);
  const padded = type === 3 ? [u(value, 2), u(0, 2)] : [u(value, 4)];
  return Buffer.concat([
    latin(little ? "II" : "MM"), u(42, 2), u(8, 4), u(1, 2), u(0x0112, 2), u(type, 2), u(1, 4), ...padded, u(0, 4),
  ]);
}

const segment = (body) => Buffer.concat([Buffer.of(0xff, 0xe1), uint(body.length + 2, 2, false), body]);
const scan = Buffer.from("ffda0008010100003f00aabbffd9", "hex");
const jpeg = (...bodies) => Buffer.concat([Buffer.of(0xff, 0xd8), ...bodies.map(segment), scan]);
const exif = (...args) => Buffer.concat([latin("Exif\0\0"), tiff(...args)]);
const xmp = latin('http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>');

const chunk = (name, body) => Buffer.concat([uint(body.length, 4, false), latin(name), body, Buffer.alloc(4)]);
const png = (...chunks) => Buffer.concat([latin("\x89PNG\r\n\x1a\n"), ...chunks]);

const riffChunk = (name, body) => Buffer.concat([latin(name), uint(body.length, 4, true), body, Buffer.alloc(body.length % 2)]);
const webp = (...chunks) => {
  const body = Buffer.concat([latin("WEBP"), ...chunks]);
  return Buffer.concat([latin("RIFF"), uint(body.length, 4, true), body]);
};
const vp8x = riffChunk("VP8X", Buffer.of(0x0c, 0, 0, 0, 1, 0, 0, 1, 0, 0));

for (const [name, file] of [
  ["JPEG", (block) => jpeg(Buffer.concat([latin("Exif\0\0"), block]))],
  ["PNG", (block) => png(chunk("IDAT", Buffer.of(1)), chunk("eXIf", block), chunk("IEND", Buffer.alloc(0)))],
  ["WebP", (block) => webp(vp8x, riffChunk("EXIF", block))],
  ["WebP with a header", (block) => webp(vp8x, riffChunk("EXIF", Buffer.concat([latin("Exif\0\0"), block])))],
]) {
  test(`the orientation of a ${name} is read, and gone from what browsers get`, async () => {
    for (let value = 1; value <= 8; value++) {
      for (const form of [{}, { little: false }, { type: 4 }]) {
        const bytes = file(tiff(value, form));
        assert.equal(readOrientation(bytes), value);
        const plain = new Uint8Array(await (await withoutMetadata(new Blob([bytes]))).arrayBuffer());
        assert.equal(readOrientation(plain), 1);
      }
    }
  });

  test(`a ${name} with an orientation that makes no sense is upright`, () => {
    for (const value of [0, 9, 65_535]) assert.equal(readOrientation(file(tiff(value))), 1);
    assert.equal(readOrientation(file(latin("II"))), 1);
    assert.equal(readOrientation(file(Buffer.alloc(0))), 1);
  });
}

test("XMP turns nothing", async () => {
  const bytes = jpeg(xmp);
  assert.equal(readOrientation(bytes), 1);
  const plain = Buffer.from(await (await withoutMetadata(new Blob([bytes]))).arrayBuffer());
  assert.deepEqual(plain, jpeg());
});

test("the first of two EXIF blocks counts", () => {
  assert.equal(readOrientation(jpeg(xmp, exif(6), exif(3))), 6);
});

test("pixels are kept, whatever else is taken away", async () => {
  const plain = Buffer.from(await (await withoutMetadata(new Blob([jpeg(exif(6), xmp)]))).arrayBuffer());
  assert.deepEqual(plain, jpeg());
  const cut = Buffer.from(await (await withoutMetadata(new Blob([webp(vp8x, riffChunk("VP8L", Buffer.of(7, 7)), riffChunk("EXIF", tiff(3)))]))).arrayBuffer());
  assert.equal(cut.includes("EXIF"), false);
  assert.equal(cut[20], 0);
  assert.ok(cut.includes(riffChunk("VP8L", Buffer.of(7, 7))));
});

test("files that end too early are taken as they are", () => {
  for (const whole of [jpeg(exif(6)), png(chunk("eXIf", tiff(6))), webp(vp8x, riffChunk("EXIF", tiff(6)))]) {
    for (let length = 0; length < whole.length; length++) {
      assert.ok([1, 6].includes(readOrientation(whole.subarray(0, length))));
    }
  }
});
