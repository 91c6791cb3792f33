/**
 * What a file is and measures, from its first bytes: {type, width, height}, as stored.
 *
 * `type` is a media type. HEIC and AVIF keep their size deep inside: it is 0 × 0 here, and the
 * service checks it. Answers null for anything else.
 */
export function readPhotoHeader(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const read of [readPng, readJpeg, readWebp, readHeif]) {
    try {
      const found = read(bytes, view);
      if (found) return found;
    } catch (error) {
      // The file ends before its size is told.
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return null;
}

function readPng(bytes, view) {
  if (ascii(bytes, 1, 4) !== "PNG") return null;
  return { type: "image/png", width: view.getUint32(16), height: view.getUint32(20) };
}

function readJpeg(bytes, view) {
  if (view.getUint16(0) !== 0xffd8) return null;
  let at = 2;
  while (view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1;
    } else if (isFrameHeader(marker)) {
      return { type: "image/jpeg", width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    } else {
      at += 2 + view.getUint16(at + 2);
    }
  }
  return null;
}

function isFrameHeader(marker) {
  // Among the sixteen, DHT, JPG and DAC are no frames.
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

function readWebp(bytes, view) {
  if (ascii(bytes, 0, 4) !== "RIFF" || ascii(bytes, 8, 12) !== "WEBP") return null;
  const type = "image/webp";
  const uint24 = (at) => view.getUint16(at, true) + view.getUint8(at + 2) * 65536;
  switch (ascii(bytes, 12, 16)) {
    case "VP8X":
      return { type, width: uint24(24) + 1, height: uint24(27) + 1 };
    case "VP8L": {
      const packed = view.getUint32(21, true);
      return { type, width: (packed & 0x3fff) + 1, height: ((packed >> 14) & 0x3fff) + 1 };
    }
    case "VP8 ":
      return { type, width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    default:
      return null;
  }
}

const AVIF_BRANDS = ["avif", "avis"];
const HEIC_BRANDS = ["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1"];

/** Both are HEIF: the first box names the file's brands. */
function readHeif(bytes, view) {
  if (ascii(bytes, 4, 8) !== "ftyp") return null;
  const end = Math.min(view.getUint32(0), bytes.length);
  const brands = [ascii(bytes, 8, 12)];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(ascii(bytes, at, at + 4));
  const has = (wanted) => brands.some((each) => wanted.includes(each));
  const type = has(AVIF_BRANDS) ? "image/avif" : has(HEIC_BRANDS) ? "image/heic" : null;
  return type && { type, width: 0, height: 0 };
}

/** Bytes as text, one character each. */
export function ascii(bytes, from, to) {
  return String.fromCharCode(...bytes.subarray(from, to));
}
