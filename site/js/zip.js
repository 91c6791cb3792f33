/** A ZIP archive of files that are compressed already: stored as they are, names in UTF-8. */

import { crc32 } from "./crc32.js";

const VERSION = 20;
const UTF8_NAMES = 0x0800;
// 1 January 1980, the first day that ZIP knows: the same files make the same archive.
const DATE = 0x21;

/** files: [{name, bytes}]; answers a Blob. */
export function zip(files) {
  const local = [];
  const central = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const encoded = new TextEncoder().encode(name);
    const entry = entryFields(bytes, encoded);
    const header = record(0x04034b50, [...entry]);
    local.push(header, encoded, bytes);
    central.push(
      record(0x02014b50, [[2, VERSION], ...entry, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]),
      encoded,
    );
    offset += header.length + encoded.length + bytes.length;
  }
  const size = central.reduce((sum, part) => sum + part.length, 0);
  const count = [2, files.length];
  const end = record(0x06054b50, [[2, 0], [2, 0], count, count, [4, size], [4, offset], [2, 0]]);
  return new Blob([...local, ...central, end], { type: "application/zip" });
}

function entryFields(bytes, name) {
  const stored = 0;
  return [
    [2, VERSION],
    [2, UTF8_NAMES],
    [2, stored],
    [2, 0],
    [2, DATE],
    [4, crc32(bytes)],
    [4, bytes.length],
    [4, bytes.length],
    [2, name.length],
    [2, 0],
  ];
}

/** Little-endian fields, [bytes, value] each, after a signature. */
function record(signature, fields) {
  const all = [[4, signature], ...fields];
  const bytes = new Uint8Array(all.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of all) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
}
