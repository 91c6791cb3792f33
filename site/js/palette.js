/** One colour per instance, the service's own (handler/masks/palette.py): [red, green, blue]. */

// Okabe and Ito's, chosen to stay apart for colour-blind eyes; sky blue first.
const OKABE_ITO = [
  [86, 180, 233],
  [230, 159, 0],
  [0, 158, 115],
  [240, 228, 66],
  [204, 121, 167],
  [213, 94, 0],
  [0, 114, 178],
];
const INSTANCES = 255;
const GOLDEN_TURN = 0.381966;
const LIGHTNESS = [0.5, 0.72, 0.35];
const SATURATION = 0.75;

export const palette = Array.from({ length: INSTANCES }, (_, index) => OKABE_ITO[index] ?? turned(index - OKABE_ITO.length));

export function instanceColour(index) {
  return palette[index % INSTANCES];
}

export function cssColour(index) {
  return `rgb(${instanceColour(index).join(" ")})`;
}

/**
 * Black or white, whichever stands out more by WCAG's contrast.
 *
 * @param {number[]} colour
 */
export function inkOn([red, green, blue]) {
  const linear = (value) => (value / 255) ** 2.2;
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) > 0.179 ? "#000" : "#fff";
}

function turned(step) {
  const hue = (step * GOLDEN_TURN) % 1;
  const lightness = LIGHTNESS[step % LIGHTNESS.length];
  const reach = SATURATION * Math.min(lightness, 1 - lightness);
  return [0, 8, 4].map((n) => {
    const k = (n + hue * 12) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  });
}
