/**
 * Which instance is on top at each pixel: 0 for none, else its number from 1 on.
 *
 * What is painted, pointed at and saved as labels.png all follows from this one map.
 */

/** Paint masks, the last on top, over a map of the grid's size. */
export function labelMap({ width, height }, masks) {
  const map = new Uint8Array(width * height);
  for (const { mask, label } of masks) stamp(map, width, mask, label);
  return map;
}

/** The label at a pixel of the map, or 0 outside it. */
export function labelAt(map, { width, height }, { x, y }) {
  const column = Math.floor(x);
  const row = Math.floor(y);
  if (column < 0 || row < 0 || column >= width || row >= height) return 0;
  return map[row * width + column];
}

/** Set pixels of a mask. */
export function area(mask) {
  let count = 0;
  for (const pixel of mask.pixels) count += pixel;
  return count;
}

/**
 * Opacity of several instances together, over the frame.
 *
 * Added up: where two meet at an edge that is half of each one's, nothing shines through.
 */
export function summedAlpha({ width, height }, alphas) {
  const sum = new Uint8ClampedArray(width * height);
  for (const alpha of alphas) {
    for (let i = 0; i < alpha.pixels.length; i++) {
      const column = i % alpha.width;
      const at = (alpha.y + (i - column) / alpha.width) * width + alpha.x + column;
      sum[at] += alpha.pixels[i];
    }
  }
  return { x: 0, y: 0, width, height, pixels: sum };
}

/** Cut off a mask's empty margins; an empty mask keeps no pixel. */
export function trimmed(mask) {
  const { width, height, pixels } = mask;
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let i = 0; i < pixels.length; i++) {
    if (!pixels[i]) continue;
    const column = i % width;
    const row = (i - column) / width;
    left = Math.min(left, column);
    right = Math.max(right, column + 1);
    top = Math.min(top, row);
    bottom = Math.max(bottom, row + 1);
  }
  const [newWidth, newHeight] = [Math.max(right - left, 0), Math.max(bottom - top, 0)];
  const cut = new Uint8Array(newWidth * newHeight);
  for (let row = 0; row < newHeight; row++) {
    const from = (top + row) * width + left;
    cut.set(pixels.subarray(from, from + newWidth), row * newWidth);
  }
  return { x: mask.x + left, y: mask.y + top, width: newWidth, height: newHeight, pixels: cut };
}

function stamp(map, mapWidth, mask, label) {
  for (let row = 0; row < mask.height; row++) {
    const to = (mask.y + row) * mapWidth + mask.x;
    const from = row * mask.width;
    for (let i = 0; i < mask.width; i++) {
      if (mask.pixels[from + i]) map[to + i] = label;
    }
  }
}
