/**
 * Instances as the page works with them, from a manifest's detections.
 *
 * {index, number, name, className, classId, score, box, area, raw, refined, rle}: `number` counts
 * within a class from 1 on, `name` is "person 2", `raw` are the network's 28 × 28 bytes, `refined`
 * the finer mask that follows the photograph's edges, where the service made one.
 *
 * A look is {maskThreshold, edges}, `edges` "plain" or "refined"; the page's view is one, and so is
 * what the service detected with.
 */

import { area as areaOf, labelMap } from "./label_map.js";
import { pasteAlpha, pasteMask } from "./paste.js";
import { decodeRle } from "./rle.js";
import { softened } from "./soft_edge.js";

// Areas at other thresholds are counted on a grid of about this many pixels a side.
const AREA_GRID = 64;

export async function readInstances(manifest) {
  const counts = new Map();
  const refined = await Promise.all(manifest.detections.map(readRefined));
  return manifest.detections.map((each) => numbered(each, counts)).map(([each, number], i) => ({
    index: each.index,
    number,
    name: `${each.class_name} ${number}`,
    classId: each.class_id,
    className: each.class_name,
    score: each.score,
    box: each.box,
    area: each.area,
    rle: each.rle,
    raw: bytesOf(each.raw_mask),
    refined: refined[i],
  }));
}

/** What the service detected with; before there was a choice, edges were plain. */
export function detectedLook({ options }) {
  return { maskThreshold: options.mask_threshold, edges: options.edges ?? "plain" };
}

async function readRefined({ refined_mask: packed }) {
  if (!packed) return null;
  const stream = new Blob([bytesOf(packed)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function numbered(detection, counts) {
  const number = (counts.get(detection.class_name) ?? 0) + 1;
  counts.set(detection.class_name, number);
  return [detection, number];
}

export { areaOf };

/** Those that the score slider and the class chips leave, best score first. */
export function visibleInstances(instances, { scoreThreshold, hiddenClasses }) {
  return instances.filter(
    (each) => each.score >= scoreThreshold && !hiddenClasses.includes(each.className),
  );
}

/** Class names with how many instances pass the score slider, most first. */
export function countClasses(instances, scoreThreshold) {
  const counts = new Map(instances.map((each) => [each.className, 0]));
  for (const { className, score } of instances) {
    if (score >= scoreThreshold) counts.set(className, counts.get(className) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}

/** Largest box first, so that what is small is not buried; the raised one last. */
export function paintOrder(instances, raised) {
  const size = ({ box: [x1, y1, x2, y2] }) => (x2 - x1) * (y2 - y1);
  return [...instances].sort(
    (a, b) => Number(a.index === raised) - Number(b.index === raised) || size(b) - size(a),
  );
}

/** What the mask is pasted from. */
export function shapeOf({ raw, refined }, { edges }) {
  return edges === "refined" && refined ? refined : raw;
}

/**
 * The mask in the frame's own pixels.
 *
 * At the threshold of the detection it is the service's, to the pixel; the manifest rounds
 * boxes to hundredths, so pasted anew it could differ by a pixel at its border.
 */
export function fullMask(instance, frame, look, detected) {
  return isSame(look, detected)
    ? decodeRle(instance.rle)
    : pasteMask(shapeOf(instance, look), instance.box, frame, look.maskThreshold);
}

/** How visible the instance is at each of the frame's pixels in its cut-out, as the service's. */
export function fullAlpha(instance, frame, look, detected) {
  return look.edges === "refined" && instance.refined
    ? pasteAlpha(instance.refined, instance.box, frame, look.maskThreshold)
    : softened(fullMask(instance, frame, look, detected));
}

/** Whether a look shows the masks as the service detected them. */
export function isSame(look, detected) {
  return look.maskThreshold === detected.maskThreshold && look.edges === detected.edges;
}

/** The area as a share of the frame. */
export function areaShare(instance, frame, look, detected) {
  const pixels = frame.width * frame.height;
  if (isSame(look, detected)) return instance.area / pixels;
  const [x1, y1, x2, y2] = instance.box;
  const scale = Math.min(1, AREA_GRID / Math.max(x2 - x1, y2 - y1, 1));
  const grid = { width: Infinity, height: Infinity, scale, x: 0, y: 0 };
  const mask = pasteMask(shapeOf(instance, look), instance.box, frame, look.maskThreshold, grid);
  return areaOf(mask) / scale ** 2 / pixels;
}

/** Where instances overlap the best scored is on top, as in the service's labels.png. */
export function frameLabels(instances, frame, look, detected) {
  const worstFirst = [...instances].sort((a, b) => b.index - a.index);
  return labelMap(
    frame,
    lazily(worstFirst, (each) => ({
      label: each.index + 1,
      mask: fullMask(each, frame, look, detected),
    })),
  );
}

/** One after the other, so that only one is in memory. */
export function* lazily(values, make) {
  for (const value of values) yield make(value);
}
