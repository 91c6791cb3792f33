/** Soft edges for cut-outs. */

// Binomial weights of five pixels in a row: a soft step of about two pixels.
const WEIGHTS = [1, 4, 6, 4, 1];
const SUM = 16;
const REACH = 2;
const FAINTEST = 32;

/** A mask as opacity, with a soft edge inwards. */
export function softened(mask) {
  return { ...mask, pixels: softAlphas(mask) };
}

/**
 * An alpha per pixel: 255 inside, less near the edge, 0 exactly where the mask is not set.
 *
 * @param {{width: number, height: number, pixels: Uint8Array}} mask
 */
function softAlphas({ width, height, pixels }) {
  const sideways = blurred(pixels, width, height, 1, width);
  const both = blurred(sideways, width, height, width, height);
  const alphas = new Uint8Array(pixels.length);
  const full = SUM * SUM;
  for (let i = 0; i < pixels.length; i++) {
    // At a straight edge the blur is about a half: that is where the instance ends.
    if (pixels[i]) alphas[i] = Math.max(FAINTEST, Math.min(255, Math.round((2 * both[i] / full - 1) * 255)));
  }
  return alphas;
}

/** Weighted sums along one axis; what is outside counts as not set. */
function blurred(values, width, height, step, length) {
  const sums = new Uint16Array(width * height);
  for (let i = 0; i < sums.length; i++) {
    const position = step === 1 ? i % width : Math.floor(i / width);
    let sum = 0;
    for (let shift = -REACH; shift <= REACH; shift++) {
      const at = position + shift;
      if (at >= 0 && at < length) sum += WEIGHTS[shift + REACH] * values[i + shift * step];
    }
    sums[i] = sum;
  }
  return sums;
}
