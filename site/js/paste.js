/**
 * Paste a raw mask into its box: the arithmetic of model/runtime/postprocess.py, in 32-bit
 * floats where that is in them, so that the page and the service set the same pixels.
 *
 * The grid says which pixels are wanted: pixel i lies over frame position (i + 0.5 - x) / scale.
 * The frame's own pixels are scale 1, x 0, y 0; the screen's are what zoom and pan make them.
 *
 * S side of a raw or refined mask, P = S + 2 with its ring of zeros.
 */

const RING = 1;
// How far from the threshold a probability makes a pixel partly visible.
const SOFTNESS = 0.2;
const { fround } = Math;

/** The frame's own pixels as a grid. */
function frameGrid({ width, height }) {
  return { width, height, scale: 1, x: 0, y: 0 };
}

/**
 * Where the mask's probability is above `threshold`, cut to the grid: {x, y, width, height, pixels}.
 *
 * raw: S × S bytes; box: x1, y1, x2, y2 in the frame's pixels.
 */
export function pasteMask(raw, box, frame, threshold, grid = frameGrid(frame)) {
  const { samples, columns, rows, levels } = placed(raw, box, frame, grid);
  const pixels = above(levels, columns.low.length, rows, samples, fround(threshold * 255));
  return { x: columns.start, y: rows.start, width: columns.low.length, height: rows.low.length, pixels };
}

/**
 * The mask as opacity, in the frame's own pixels: half at `threshold`, rising with the probability
 * on both sides. {x, y, width, height, pixels}, 0 to 255.
 */
export function pasteAlpha(raw, box, frame, threshold) {
  const { samples, columns, rows, levels } = placed(raw, box, frame, frameGrid(frame));
  const [width, height] = [columns.low.length, rows.low.length];
  const reach = 255 * Math.min(SOFTNESS, threshold, 1 - threshold);
  const [lowest, slope] = [fround(255 * threshold - reach), fround(255 / (2 * reach))];
  const pixels = new Uint8Array(width * height);
  for (let i = 0; i < height; i++) {
    const from = rows.low[i] * width;
    const to = Math.min(rows.low[i] + 1, samples - 1) * width;
    for (let j = 0; j < width; j++) {
      const low = levels[from + j];
      const level = fround(low + fround(rows.fraction[i] * fround(levels[to + j] - low)));
      pixels[i * width + j] = Math.min(Math.max(fround(fround(level - lowest) * slope), 0), 255);
    }
  }
  return { x: columns.start, y: rows.start, width, height, pixels };
}

/** Place a mask on a grid: its columns and rows there, and its P rows at every column. */
function placed(raw, box, frame, grid) {
  const side = Math.sqrt(raw.length);
  const [x1, y1, x2, y2] = grow(box, side);
  const columns = taps(x1, Math.max(x2 - x1 + 1, 1), frame.width, side, grid.scale, grid.x, grid.width);
  const rows = taps(y1, Math.max(y2 - y1 + 1, 1), frame.height, side, grid.scale, grid.y, grid.height);
  return { samples: side + 2 * RING, columns, rows, levels: interpolateRows(raw, side, columns) };
}

/** Grow the box to hold the ring: corners cut to integers. */
function grow([x1, y1, x2, y2], side) {
  const factor = fround((side + 2 * RING) / side);
  const axis = (low, high) => {
    const half = fround(fround(fround(fround(high) - fround(low)) * 0.5) * factor);
    const centre = fround(fround(fround(high) + fround(low)) * 0.5);
    return [Math.trunc(fround(centre - half)), Math.trunc(fround(centre + half))];
  };
  const [left, right] = axis(x1, x2);
  const [top, bottom] = axis(y1, y2);
  return [left, top, right, bottom];
}

/** Bilinear taps along one axis: output pixel `start + i` lies between `low[i]` and `low[i] + 1`. */
function taps(origin, size, limit, side, scale, shift, extent) {
  const first = (position) => Math.ceil(position * scale + shift - 0.5);
  const start = Math.max(first(Math.max(origin, 0)), 0);
  const end = Math.max(Math.min(first(Math.min(origin + size, limit)), extent), start);
  const low = new Int32Array(end - start);
  const fraction = new Float32Array(end - start);
  const samplesPerPixel = (side + 2 * RING) / size;
  for (let i = start; i < end; i++) {
    const position = Math.max(((i + 0.5 - shift) / scale - origin) * samplesPerPixel - 0.5, 0);
    low[i - start] = position;
    fraction[i - start] = position - Math.floor(position);
  }
  return { start, low, fraction };
}

/** Interpolate each of the P rows at every output column: P × w floats. */
function interpolateRows(raw, side, { low, fraction }) {
  const samples = side + 2 * RING;
  const width = low.length;
  const levels = new Float32Array(samples * width);
  const row = new Float32Array(samples + 1);
  for (let y = 0; y < side; y++) {
    row.set(raw.subarray(y * side, (y + 1) * side), RING);
    const at = (y + RING) * width;
    for (let i = 0; i < width; i++) {
      const left = row[low[i]];
      // The last sample is part of the ring, and what follows it is repeated: zero both.
      levels[at + i] = left + fround(fraction[i] * fround(row[low[i] + 1] - left));
    }
  }
  return levels;
}

/**
 * Where `levels`, interpolated down its columns, is above `level`.
 *
 * Between two samples the value is linear, so each column passes the level at most once there:
 * a division per column and sample replaces an interpolation per pixel.
 */
function above(levels, width, rows, samples, level) {
  const pixels = new Uint8Array(rows.low.length * width);
  const crossing = new Float32Array(width);
  const sign = new Float32Array(width);
  let band = -1;
  for (let i = 0; i < rows.low.length; i++) {
    if (rows.low[i] !== band) {
      band = rows.low[i];
      cross(levels, band * width, Math.min(band + 1, samples - 1) * width, level, crossing, sign);
    }
    const fraction = rows.fraction[i];
    const at = i * width;
    for (let j = 0; j < width; j++) pixels[at + j] = fraction * sign[j] > crossing[j] ? 1 : 0;
  }
  return pixels;
}

/**
 * How far on the way from one row to the next each column passes the level.
 *
 * A rising column is above it after its crossing, a falling one before: both sides of the
 * comparison are negated there.
 */
function cross(levels, from, to, level, crossing, sign) {
  for (let j = 0; j < crossing.length; j++) {
    const slope = fround(levels[to + j] - levels[from + j]);
    sign[j] = slope < 0 ? -1 : 1;
    crossing[j] = sign[j] * fround(fround(level - levels[from + j]) / slope);
  }
}
