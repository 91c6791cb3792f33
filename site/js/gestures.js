/** Pointers and keys on the stage, turned into zooming, panning and pointing. */

import { fit, panBy, zoomAt, ZOOM_STEP } from "./viewport.js";

const PAN_STEP = 60;
// A pointer that moved less than this has clicked, CSS pixels.
const CLICK_SLOP = 4;

/** `pointed` hears where a pointer hovers, `clicked` where it clicked, on the stage. */
export function createGestures(store, { pointed, clicked }) {
  const pointers = new Map();
  let travelled = 0;

  const change = (transform) =>
    store.update(({ viewport, stage, result }) => ({
      viewport: transform(viewport ?? fit(result.frame, stage), result.frame, stage),
    }));
  const zoom = (factor, point) =>
    change((viewport, frame, stage) => {
      const centre = point ?? { x: stage.width / 2, y: stage.height / 2 };
      return zoomAt(viewport, factor, centre, frame, stage);
    });
  const pan = (dx, dy) => change((viewport, frame, stage) => panBy(viewport, dx, dy, frame, stage));
  const showAll = () => store.update({ viewport: null });

  const keys = {
    "+": () => zoom(ZOOM_STEP),
    "=": () => zoom(ZOOM_STEP),
    "-": () => zoom(1 / ZOOM_STEP),
    0: showAll,
    ArrowLeft: () => pan(PAN_STEP, 0),
    ArrowRight: () => pan(-PAN_STEP, 0),
    ArrowUp: () => pan(0, PAN_STEP),
    ArrowDown: () => pan(0, -PAN_STEP),
  };

  return {
    zoom,
    fit: showAll,

    stageKey(event) {
      const action = event.ctrlKey || event.metaKey || event.altKey ? null : keys[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    },

    stageDown(event) {
      pointers.set(event.pointerId, placeOf(event));
      event.currentTarget.setPointerCapture(event.pointerId);
      if (pointers.size === 1) travelled = 0;
    },

    stageMove(event) {
      const now = placeOf(event);
      const before = pointers.get(event.pointerId);
      if (!before) {
        pointed(now);
        return;
      }
      travelled += Math.hypot(now.x - before.x, now.y - before.y);
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      pointers.set(event.pointerId, now);
      if (other) zoom(distance(now, other) / Math.max(distance(before, other), 1), other);
      else pan(now.x - before.x, now.y - before.y);
    },

    stageUp(event) {
      if (pointers.delete(event.pointerId) && travelled < CLICK_SLOP) clicked(placeOf(event));
    },

    stageLeave() {
      if (pointers.size === 0) pointed(null);
    },

    stageTwice(event) {
      zoom(ZOOM_STEP ** 2, placeOf(event));
    },

    /** Zoom with Ctrl, as everywhere (a pinch on a touchpad says so too), or once zoomed in. */
    stageWheel(event, element) {
      const { viewport, stage, result } = store.state;
      if (!result || !(event.ctrlKey || event.metaKey || viewport)) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY * 0.004), placeOf(event, element));
      const { viewport: now } = store.state;
      if (now.scale <= fit(result.frame, stage).scale) showAll();
    },
  };
}

function placeOf(event, element = event.currentTarget) {
  const { left, top } = element.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}

function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
