/** Photographs in the browser: checked before they are sent, and decoded upright. */

import { readPhotoHeader } from "./photo_header.js";
import { text } from "./strings.js";

// The side that the stage shows; more would be memory that nobody sees before zooming far in.
const SHOWN_SIDE = 4096;
const THUMBNAIL_SIDE = 160;

// How a picture that is stored sideways, with this EXIF orientation, is brought upright:
// a canvas transform, from the upright size.
const TURNS = {
  5: () => [0, 1, 1, 0, 0, 0],
  6: (width) => [0, 1, -1, 0, width, 0],
  7: (width, height) => [0, -1, -1, 0, width, height],
  8: (width, height) => [0, -1, 1, 0, 0, height],
};

/** A photograph that is not accepted; the message is for people. */
export class RefusedPhoto extends Error {}

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
  if (header.type === "heic") refuse(text.problems.heic(name));
  if (Math.max(header.width, header.height) > limits.side) {
    refuse(text.problems.side(name, header, limits.side));
  }
  if (header.width * header.height > limits.pixels) {
    refuse(text.problems.pixels(name, header, limits.pixels));
  }
  return new File([file], safeName(name), { type: header.type });
}

/** Decode for the stage: upright, and no larger than it can show. `source`: the manifest's. */
export async function decodePhoto(blob, source) {
  const scale = SHOWN_SIDE / Math.max(source.width, source.height);
  if (scale >= 1 || blob.type === "image/webp") return decodeFull(blob, source);
  return createImageBitmap(blob, {
    imageOrientation: "from-image",
    resizeWidth: Math.round(source.width * scale),
    resizeHeight: Math.round(source.height * scale),
    resizeQuality: "high",
  });
}

/** Decode upright, every pixel. */
export async function decodeFull(blob, source) {
  const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
  // Chromium overlooks the orientation of a WebP, which the service does not.
  const isSideways = bitmap.width === source.height && bitmap.height === source.width;
  return isSideways && source.orientation in TURNS ? turned(bitmap, source) : bitmap;
}

function turned(bitmap, { width, height, orientation }) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.setTransform(...TURNS[orientation](width, height));
  context.drawImage(bitmap, 0, 0);
  return canvas.transferToImageBitmap();
}

/** A small JPEG for the queue, as a data URL: it is kept with the job, and needs no releasing. */
export async function thumbnailOf(blob) {
  const whole = await createImageBitmap(blob, { imageOrientation: "from-image" });
  const scale = Math.min(1, THUMBNAIL_SIDE / Math.min(whole.width, whole.height));
  const canvas = new OffscreenCanvas(
    Math.max(1, Math.round(whole.width * scale)),
    Math.max(1, Math.round(whole.height * scale)),
  );
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(whole, 0, 0, canvas.width, canvas.height);
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
  return name.replace(/[/\\\u0000-\u001f\u007f]|\$\{filename\}/g, "_").slice(-120);
}
