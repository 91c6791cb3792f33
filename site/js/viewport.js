/**
 * Zoom and pan: which part of the photograph the stage shows.
 *
 * A viewport is {scale, x, y}: a point of the frame is at `point * scale + (x, y)` on the stage.
 */

export const ZOOM_STEP = 1.5;

// As many stage pixels per photograph's pixel show nothing new.
const CLOSEST = 16;

/** The whole frame, centred. */
export function fit(frame, stage) {
  const scale = Math.min(stage.width / frame.width, stage.height / frame.height);
  return {
    scale,
    x: (stage.width - frame.width * scale) / 2,
    y: (stage.height - frame.height * scale) / 2,
  };
}

/** Zoom by `factor`; what is at `point` of the stage stays there as far as the edges allow. */
export function zoomAt(viewport, factor, point, frame, stage) {
  const whole = fit(frame, stage).scale;
  const scale = Math.min(Math.max(viewport.scale * factor, whole), Math.max(CLOSEST, whole));
  const ratio = scale / viewport.scale;
  const moved = {
    scale,
    x: point.x - (point.x - viewport.x) * ratio,
    y: point.y - (point.y - viewport.y) * ratio,
  };
  return inside(moved, frame, stage);
}

export function panBy(viewport, dx, dy, frame, stage) {
  return inside({ ...viewport, x: viewport.x + dx, y: viewport.y + dy }, frame, stage);
}

/** As close to a box as leaves some of its surroundings. */
export function zoomOnto([x1, y1, x2, y2], frame, stage) {
  const whole = fit(frame, stage);
  const wanted = 0.7 * Math.min(stage.width / (x2 - x1), stage.height / (y2 - y1));
  const scale = Math.min(Math.max(wanted, whole.scale), Math.max(CLOSEST / 4, whole.scale));
  const x = stage.width / 2 - ((x1 + x2) / 2) * scale;
  const y = stage.height / 2 - ((y1 + y2) / 2) * scale;
  return inside({ scale, x, y }, frame, stage);
}

export function isFitted(viewport, frame, stage) {
  return viewport.scale <= fit(frame, stage).scale * 1.001;
}

function inside(viewport, frame, stage) {
  return {
    scale: viewport.scale,
    x: kept(viewport.x, frame.width * viewport.scale, stage.width),
    y: kept(viewport.y, frame.height * viewport.scale, stage.height),
  };
}

/** Centred while it fits; else without a gap at either edge. */
function kept(start, size, room) {
  if (size <= room) return (room - size) / 2;
  return Math.min(Math.max(start, room - size), 0);
}
