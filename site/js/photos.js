/** Photographs in the browser: checked before they are sent, and decoded upright. */

import { readPhotoHeader } from "./photo_header.js";
import { readOrientation, withoutMetadata } from "./photo_metadata.js";
import { text } from "./strings.js";

// The side that the stage shows; more would be memory that nobody sees before zooming far in.
const SHOWN_SIDE = 4096;
const THUMBNAIL_SIDE = 160;
// Enough for a type, and for a JPEG's frame header behind its metadata.
const HEADER_BYTES = 1 << 20;

// How a picture that is stored with this EXIF orientation is brought upright: a canvas
// transform, from the upright size.
const TURNS = {
  1: () => [1, 0, 0, 1, 0, 0],
  2: (width) => [-1, 0, 0, 1, width, 0],
  3: (width, height) => [-1, 0, 0, -1, width, height],
  4: (width, height) => [1, 0, 0, -1, 0, height],
  5: () => [0, 1, 1, 0, 0, 0],
  6: (width) => [0, 1, -1, 0, width, 0],
  7: (width, height) => [0, -1, -1, 0, width, height],
  8: (width, height) => [0, -1, 1, 0, 0, height],
};
// From here on the stored rows are the upright picture's columns.
const FIRST_SIDEWAYS = 5;
// Those that we turn ourselves; AVIF and HEIC say their turning in a way that browsers agree on.
const TURNED_HERE = ["image/jpeg", "image/png", "image/webp"];

/** A photograph that is not accepted; the message is for people. */
export class RefusedPhoto extends Error {}

/** Whether some browsers do not draw it, so that the service's own picture of it is wanted. */
export function isUndrawable(file) {
  return file.type === "image/heic";
}

/** Check type by content, bytes, pixels and side; answers the file under its true type. */
export async function checkedPhoto(file, limits) {
  const refuse = (message) => {
    throw new RefusedPhoto(message);
  };
  const name = file.name || "photo";
  if (file.size === 0) refuse(text.problems.empty(name));
  if (file.size > limits.bytes) refuse(text.problems.bytes(name, file.size, limits.bytes));
  const header = readPhotoHeader(new Uint8Array(await file.arrayBuffer()));
  if (header === null) refuse(text.problems.type(name));
  if (Math.max(header.width, header.height) > limits.side) {
    refuse(text.problems.side(name, header, limits.side));
  }
  if (header.width * header.height > limits.pixels) {
    refuse(text.problems.pixels(name, header, limits.pixels));
  }
  return new File([file], safeName(name), { type: header.type });
}

/**
 * Decode for the stage: upright, and no larger than it can show.
 *
 * @param {Blob} blob
 * @param {{width: number, height: number, orientation: number}} source the manifest's
 */
export function decodePhoto(blob, source) {
  return decodeAt(Math.min(1, SHOWN_SIDE / Math.max(source.width, source.height)), blob, source);
}

/**
 * Decode upright, every pixel.
 *
 * @param {Blob} blob
 * @param {{width: number, height: number, orientation: number}} source the manifest's
 */
export function decodeFull(blob, source) {
  return decodeAt(1, blob, source);
}

/** A bitmap of `scale` times the upright size, on white where the photograph is transparent. */
async function decodeAt(scale, blob, source) {
  const size = { width: Math.round(source.width * scale), height: Math.round(source.height * scale) };
  const type = await typeOf(blob);
  const isTurnedHere = TURNED_HERE.includes(type);
  const orientation = isTurnedHere ? source.orientation : 1;
  const isSideways = orientation >= FIRST_SIDEWAYS;
  const [width, height] = isSideways ? [size.height, size.width] : [size.width, size.height];
  /** @type {ImageBitmapOptions} */
  const resizing = scale < 1 ? { resizeWidth: width, resizeHeight: height, resizeQuality: "high" } : {};
  const plain = isTurnedHere ? await withoutMetadata(blob) : blob;
  const bitmap = await createImageBitmap(plain, { imageOrientation: "from-image", ...resizing });
  return orientation === 1 && type === "image/jpeg" ? bitmap : upright(bitmap, size, orientation);
}

function upright(bitmap, { width, height }, orientation) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.setTransform(...TURNS[orientation](width, height));
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.transferToImageBitmap();
}

/** What the bytes say that it is: a name or a header may say anything. */
async function typeOf(blob) {
  const start = new Uint8Array(await blob.slice(0, HEADER_BYTES).arrayBuffer());
  return readPhotoHeader(start)?.type ?? blob.type;
}

/** A small JPEG for the queue, as a data URL: it is kept with the job, and needs no releasing. */
export async function thumbnailOf(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const { type, ...stored } = readPhotoHeader(bytes) ?? { type: "", width: 0, height: 0 };
  const orientation = TURNED_HERE.includes(type) ? readOrientation(bytes) : 1;
  const isSideways = orientation >= FIRST_SIDEWAYS;
  const [width, height] = isSideways ? [stored.height, stored.width] : [stored.width, stored.height];
  const scaleOf = (picture) => Math.min(1, THUMBNAIL_SIDE / Math.min(picture.width, picture.height));
  const isMeasured = width > 0;
  const whole = isMeasured
    ? await decodeAt(scaleOf({ width, height }), blob, { width, height, orientation })
    : await createImageBitmap(blob);
  const scale = isMeasured ? 1 : scaleOf(whole);
  const canvas = new OffscreenCanvas(Math.ceil(whole.width * scale), Math.ceil(whole.height * scale));
  canvas.getContext("2d").drawImage(whole, 0, 0, canvas.width, canvas.height);
  whole.close();
  return dataUrlOf(await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 }));
}

function dataUrlOf(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** The service takes names without a path or control characters. */
function safeName(name) {
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
  return name.replace(/[/\\\u0000-\u001f\u007f]|\$\{filename\}/g, "_").slice(-120);
}
