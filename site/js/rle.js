/**
 * COCO's compressed run lengths, as the service writes them (model/runtime/rle.py).
 *
 * A mask is {x, y, width, height, pixels}: 0 or 1 row by row over a window of the frame.
 */

const OFFSET = 48;
const MORE = 32;

/** Decode to a mask that covers the whole frame. */
export function decodeRle({ size: [height, width], counts }) {
  const pixels = new Uint8Array(width * height);
  let position = 0;
  for (const [index, length] of lengthsFromText(counts).entries()) {
    if (index % 2) setColumnwise(pixels, position, length, width, height);
    position += length;
  }
  return { x: 0, y: 0, width, height, pixels };
}

/** Encode a mask within its frame. */
export function encodeRle(mask, frame) {
  const lengths = [];
  let value = 0;
  let start = 0;
  const change = (position) => {
    lengths.push(position - start);
    start = position;
    value = 1 - value;
  };
  for (let column = 0; column < mask.width; column++) {
    const top = (mask.x + column) * frame.height + mask.y;
    // Between one column's window and the next lies the rest of the frame's column.
    if (value && mask.height < frame.height) change(top - frame.height + mask.height);
    for (let row = 0; row < mask.height; row++) {
      if (mask.pixels[row * mask.width + column] !== value) change(top + row);
    }
  }
  const end = (mask.x + mask.width - 1) * frame.height + mask.y + mask.height;
  if (value && end < frame.width * frame.height) change(end);
  lengths.push(frame.width * frame.height - start);
  return { size: [frame.height, frame.width], counts: textFromLengths(lengths) };
}

function setColumnwise(pixels, position, length, width, height) {
  for (let at = position; at < position + length; at++) {
    pixels[(at % height) * width + Math.floor(at / height)] = 1;
  }
}

function lengthsFromText(text) {
  const lengths = [];
  let value = 0;
  let shift = 0;
  for (const character of text) {
    const code = character.charCodeAt(0) - OFFSET;
    value += (code & 31) * 2 ** shift;
    shift += 5;
    if (code & MORE) continue;
    if (code & 16) value -= 2 ** shift;
    lengths.push(lengths.length > 2 ? value + lengths.at(-2) : value);
    value = shift = 0;
  }
  return lengths;
}

function textFromLengths(lengths) {
  let text = "";
  for (const [index, length] of lengths.entries()) {
    let rest = index > 2 ? length - lengths[index - 2] : length;
    for (let more = true; more; ) {
      const digit = rest & 31;
      rest >>= 5;
      more = rest !== (digit & 16 ? -1 : 0);
      text += String.fromCharCode(digit + (more ? MORE : 0) + OFFSET);
    }
  }
  return text;
}
