import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateSync } from "node:zlib";

import { cocoResults, curlCommand } from "../../site/js/downloads.js";
import { readPhotoHeader } from "../../site/js/photo_header.js";
import { labelsPng, maskPng, rgbaPng } from "../../site/js/png.js";
import { zip } from "../../site/js/zip.js";
import { crc32 } from "../../site/js/crc32.js";

const bytes = (text) => Uint8Array.from(Buffer.from(text, "latin1"));
const hex = (text) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

test("the checksum is the one that everybody compares with", () => {
  assert.equal(crc32(bytes("123456789")), 0xcbf43926);
});

test("a mask is one bit per pixel, each row on a byte of its own", async () => {
  const mask = { x: 7, y: 1, width: 2, height: 1, pixels: Uint8Array.of(1, 1) };
  const { header, rows } = await readPng(await maskPng(mask, { width: 10, height: 2 }));
  assert.deepEqual(header, { width: 10, height: 2, bitDepth: 1, colourType: 0 });
  assert.deepEqual([...rows], [0, 0, 0, 0, 0b00000001, 0b10000000]);
});

test("labels keep their numbers", async () => {
  const colours = [[9, 8, 7], [6, 5, 4]];
  const png = await labelsPng(Uint8Array.of(0, 1, 2, 0), { width: 2, height: 2 }, colours);
  const { header, rows } = await readPng(png);
  assert.deepEqual(header, { width: 2, height: 2, bitDepth: 8, colourType: 3 });
  assert.deepEqual([...rows], [0, 0, 1, 0, 2, 0]);
});

test("a cut-out keeps its colours under any opacity", async () => {
  const data = Uint8ClampedArray.of(200, 10, 7, 1, 0, 0, 0, 0, 199, 12, 7, 255, 90, 80, 70, 128);
  const { header, rows } = await readPng(await rgbaPng({ width: 2, height: 2, data }));
  assert.deepEqual(header, { width: 2, height: 2, bitDepth: 8, colourType: 6 });
  // The second row is told by how it differs from the first.
  assert.deepEqual([...rows], [2, 200, 10, 7, 1, 0, 0, 0, 0, 2, 255, 2, 0, 254, 90, 80, 70, 128]);
});

test("an archive of nothing is its end alone", async () => {
  assert.equal(zip([]).size, 22);
});

test("an archive stores what it is given and says where", async () => {
  const archive = Buffer.from(await zip([{ name: "é.txt", bytes: bytes("hello") }]).arrayBuffer());
  assert.equal(archive.subarray(30, 36).toString(), "é.txt");
  assert.equal(archive.subarray(36, 41).toString(), "hello");
  assert.equal(archive.readUInt32LE(archive.length - 6), 41);
});

for (const [name, file, header] of [
  ["a PNG", "89504e470d0a1a0a 0000000d 49484452 00000280 000001e0", ["image/png", 640, 480]],
  ["a JPEG behind its metadata", "ffd8 ffe1 0004 0000 ffc4 0003 00 ffc2 0011 08 01e0 0280", ["image/jpeg", 640, 480]],
  ["a lossy WebP", "52494646 00000000 57454250 56503820 00000000 000000 9d012a 8002 e001", ["image/webp", 640, 480]],
  ["a lossless WebP", "52494646 00000000 57454250 5650384c 00000000 2f 7fc27700", ["image/webp", 640, 480]],
  ["an extended WebP", "52494646 00000000 57454250 56503858 0a000000 00000000 7f0200 df0100", ["image/webp", 640, 480]],
  ["a HEIC", "00000018 66747970 68656963", ["image/heic", 0, 0]],
  ["an AVIF", "0000001c 66747970 6d696631 00000000 6d696631 61766966", ["image/avif", 0, 0]],
  ["a HEIC that says so second", "0000001c 66747970 6d696631 00000000 6d696631 68656963", ["image/heic", 0, 0]],
]) {
  test(`${name} is known by its content`, () => {
    const [type, width, height] = header;
    assert.deepEqual(readPhotoHeader(hex(file)), { type, width, height });
  });
}

test("a file that ends in its header is no photo", () => {
  assert.equal(readPhotoHeader(hex("ffd8 ffe1 ffff")), null);
  assert.equal(readPhotoHeader(hex("89504e47")), null);
  assert.equal(readPhotoHeader(bytes("GIF89a")), null);
  assert.equal(readPhotoHeader(new Uint8Array(0)), null);
});

test("COCO's boxes are corner and size", () => {
  const instance = { classId: 17, score: 0.9, box: [10.25, 20, 30.5, 60.75] };
  const [result] = cocoResults([instance], "cat", () => "rle");
  assert.deepEqual(result.bbox, [10.25, 20, 20.25, 40.75]);
  assert.deepEqual([result.category_id, result.segmentation], [17, "rle"]);
});

test("a command is safe with any file name", () => {
  const command = curlCommand("https://api.example.org/api/detect", 'it\'s; "a", b.jpg', {
    scoreThreshold: 0.5,
    maskThreshold: 0.4,
    edges: "plain",
  });
  assert.ok(command.startsWith(String.raw`curl --form 'image=@"it'\''s; \"a\", b.jpg"' `));
  assert.ok(command.endsWith("'https://api.example.org/api/detect?score_threshold=0.5&mask_threshold=0.4&edges=plain'"));
});

/** Header fields and unfiltered rows of a PNG. */
async function readPng(blob) {
  const png = Buffer.from(await blob.arrayBuffer());
  const header = {
    width: png.readUInt32BE(16),
    height: png.readUInt32BE(20),
    bitDepth: png[24],
    colourType: png[25],
  };
  const at = png.indexOf("IDAT");
  const rows = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)));
  return { header, rows };
}
