/**
 * The EXIF block of a JPEG, PNG or WebP: which way is up, and the same file without it.
 *
 * One rule everywhere (handler/photo): the EXIF block's orientation counts, and nothing else that
 * a file may say. Browsers differ in what they read, so they are given files that say nothing.
 */

import { ascii } from "./photo_header.js";

const ORIENTATION = 0x0112;
// TIFF's types of whole numbers, with how to read one: BYTE, SHORT, LONG.
const READERS = {
  1: (view, at) => view.getUint8(at),
  3: (view, at, little) => view.getUint16(at, little),
  4: (view, at, little) => view.getUint32(at, little),
};
const ENTRY = 12;
const EXIF_HEADER = "Exif\0\0";
// VP8X's flags of an EXIF and an XMP chunk.
const WEBP_METADATA_FLAGS = 0x0c;

/**
 * EXIF's orientation, 1 to 8; 1 where there is none, or none that makes sense.
 *
 * @param {Uint8Array} bytes the whole file
 */
export function readOrientation(bytes) {
  const block = metadataBlocks(bytes).find((each) => each.isExif);
  if (!block) return 1;
  try {
    return orientationOf(bytes.subarray(block.data, block.end));
  } catch (error) {
    if (error instanceof RangeError) return 1;
    throw error;
  }
}

/**
 * The same pixels in a file without EXIF or XMP: every browser draws it as it is stored.
 *
 * @param {Blob} blob
 * @returns {Promise<Blob>}
 */
export async function withoutMetadata(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const blocks = metadataBlocks(bytes);
  if (blocks.length === 0) return blob;
  return new Blob(isWebp(bytes) ? [silencedWebp(bytes, blocks)] : withoutBlocks(bytes, blocks), { type: blob.type });
}

/**
 * Where EXIF and XMP are: {start, data, end, isExif}; the block is [start, end), its payload
 * begins at `data`. A file that ends too early has those that came before.
 */
function metadataBlocks(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks = isJpeg(bytes) ? jpegBlocks : isPng(bytes) ? pngBlocks : isWebp(bytes) ? webpBlocks : () => [];
  const found = [];
  try {
    for (const block of blocks(bytes, view)) found.push({ ...block, end: Math.min(block.end, bytes.length) });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return found;
}

function* jpegBlocks(bytes, view) {
  const [app1, startOfScan] = [0xe1, 0xda];
  let at = 2;
  while (view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker === startOfScan) return;
    const end = at + 2 + view.getUint16(at + 2);
    if (marker === app1) {
      const isExif = ascii(bytes, at + 4, at + 10) === EXIF_HEADER;
      yield { start: at, data: at + (isExif ? 10 : 4), end, isExif };
    }
    at = end;
  }
}

function* pngBlocks(bytes, view) {
  for (let at = 8; at + 8 <= bytes.length; at += 12 + view.getUint32(at)) {
    if (ascii(bytes, at + 4, at + 8) !== "eXIf") continue;
    yield { start: at, data: at + 8, end: at + 12 + view.getUint32(at), isExif: true };
  }
}

function* webpBlocks(bytes, view) {
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = ascii(bytes, at, at + 4);
    const size = view.getUint32(at + 4, true);
    const end = at + 8 + size;
    const isExif = name === "EXIF";
    if (isExif || name === "XMP ") {
      const hasHeader = ascii(bytes, at + 8, at + 14) === EXIF_HEADER;
      yield { start: at, data: at + (hasHeader ? 14 : 8), end, isExif };
    }
    at = end + (size % 2);
  }
}

function withoutBlocks(bytes, blocks) {
  const ends = [0, ...blocks.map((each) => each.end)];
  const starts = [...blocks.map((each) => each.start), bytes.length];
  return ends.map((end, index) => bytes.subarray(end, starts[index]));
}

/** Chunks of unknown names are skipped by every reader, and no length changes. */
function silencedWebp(bytes, blocks) {
  const silenced = bytes.slice();
  const unknown = new TextEncoder().encode("none");
  for (const { start } of blocks) silenced.set(unknown, start);
  if (ascii(bytes, 12, 16) === "VP8X") silenced[20] &= ~WEBP_METADATA_FLAGS;
  return silenced;
}

/** The tag in the first directory of a TIFF structure. */
function orientationOf(tiff) {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const order = ascii(tiff, 0, 2);
  if (order !== "II" && order !== "MM") return 1;
  const little = order === "II";
  const directory = view.getUint32(4, little);
  const entries = view.getUint16(directory, little);
  for (let index = 0; index < entries; index++) {
    const at = directory + 2 + index * ENTRY;
    if (view.getUint16(at, little) !== ORIENTATION) continue;
    const value = READERS[view.getUint16(at + 2, little)]?.(view, at + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

function isJpeg(bytes) {
  return bytes[0] === 0xff && bytes[1] === 0xd8;
}

function isPng(bytes) {
  return ascii(bytes, 1, 4) === "PNG";
}

function isWebp(bytes) {
  return ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 12) === "WEBP";
}
