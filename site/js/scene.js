/** What the state means for the eye: computed once per change, for stage and list alike. */

import { areaShare, countClasses, visibleInstances } from "./instances.js";
import { fit, isFitted } from "./viewport.js";

/** The scene that masks.js draws and the components describe; null while there is no result. */
export function sceneOf({ result, view, raised, viewport, stage, density }) {
  if (!result) return null;
  const { frame, instances, detectedThreshold } = result;
  const visible = visibleInstances(instances, view);
  return {
    frame,
    stage,
    density,
    raised,
    view,
    visible,
    viewport: viewport ?? fit(frame, stage),
    classes: countClasses(instances, view.scoreThreshold),
    described: countClasses(visible, 0),
    share: (instance) => areaShare(instance, frame, view.maskThreshold, detectedThreshold),
  };
}

/** Whether the stage shows less than the whole photograph. */
export function isZoomed({ result, viewport, stage }) {
  return viewport !== null && !isFitted(viewport, result.frame, stage);
}
