/** What the state means for the eye: computed once per change, for stage and list alike. */

import { areaShare, countClasses, visibleInstances } from "./instances.js";
import { fit, isFitted } from "./viewport.js";

// Masks of 100 instances are painted within a frame at half a megapixel, and within a
// fifth of a second at two; so they are drafted while something moves.
const DRAFT_PIXELS = 500_000;
const SHARP_PIXELS = 2_000_000;

/** The scene that masks.js draws and the components describe; null while there is no result. */
export function sceneOf(state) {
  const { result, view, raised, viewport, stage, pixelRatio } = state;
  if (!result) return null;
  const { frame, instances, detected } = result;
  const visible = visibleInstances(instances, view);
  return {
    frame,
    stage,
    pixelRatio,
    density: maskDensity(state),
    raised,
    view,
    visible,
    viewport: viewport ?? fit(frame, stage),
    classes: countClasses(instances, view.scoreThreshold),
    described: countClasses(visible, 0),
    share: (instance) => areaShare(instance, frame, view, detected),
  };
}

/** Canvas pixels per CSS pixel; on coarse screens doubled, so that borders are smooth. */
function maskDensity({ stage, pixelRatio, isStill }) {
  const wanted = isStill ? Math.max(pixelRatio, 2) : Math.min(pixelRatio, 1);
  const most = isStill ? SHARP_PIXELS : DRAFT_PIXELS;
  return Math.min(wanted, Math.sqrt(most / (stage.width * stage.height)));
}

/** Whether the stage shows less than the whole photograph. */
export function isZoomed({ result, viewport, stage }) {
  return viewport !== null && !isFitted(viewport, result.frame, stage);
}
