/** PNGs that a canvas cannot write: one bit per pixel, numbered colours, exact ones under any opacity. */

import { crc32 } from "./crc32.js";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const GREY = 0;
const PALETTE = 3;
const RGBA = 6;

/** A 1-bit PNG of the whole frame, white where the mask is set. */
export function maskPng(mask, { width, height }) {
  const stride = 1 + Math.ceil(width / 8);
  const rows = new Uint8Array(stride * height);
  for (let y = 0; y < mask.height; y++) {
    const to = (mask.y + y) * stride + 1;
    for (let x = 0; x < mask.width; x++) {
      const column = mask.x + x;
      if (mask.pixels[y * mask.width + x]) rows[to + (column >> 3)] |= 0x80 >> (column & 7);
    }
  }
  return png(width, height, 1, GREY, rows);
}

/** A palette PNG: a pixel is its label, whose colour is `colours[label - 1]`; 0 is black. */
export function labelsPng(map, { width, height }, colours) {
  const rows = new Uint8Array((1 + width) * height);
  for (let y = 0; y < height; y++) {
    rows.set(map.subarray(y * width, (y + 1) * width), y * (1 + width) + 1);
  }
  return png(width, height, 8, PALETTE, rows, Uint8Array.from([0, 0, 0, ...colours.flat()]));
}

/** An RGBA PNG of {width, height, data}. */
export function rgbaPng({ width, height, data }) {
  const stride = 4 * width;
  const rows = new Uint8Array((1 + stride) * height);
  for (let y = 0; y < height; y++) {
    const to = y * (1 + stride);
    // Filter type 2, Up: neighbouring rows of a photograph are alike.
    rows[to] = 2;
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      rows[to + 1 + x] = data[at] - (y > 0 ? data[at - stride] : 0);
    }
  }
  return png(width, height, 8, RGBA, rows);
}

async function png(width, height, bitDepth, colourType, rows, colours) {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, bitDepth);
  header.setUint8(9, colourType);
  const chunks = [
    chunk("IHDR", new Uint8Array(header.buffer)),
    ...(colours ? [chunk("PLTE", colours)] : []),
    chunk("IDAT", await deflated(rows)),
    chunk("IEND", new Uint8Array(0)),
  ];
  return new Blob([SIGNATURE, ...chunks], { type: "image/png" });
}

function chunk(name, data) {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

async function deflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
