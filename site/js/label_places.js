/**
 * Where labels go: near their boxes, inside the frame, never on each other.
 *
 * A rectangle is {left, top, right, bottom}.
 */

/** The first free place for a label of this size, or null where there is none. */
export function freePlace(box, size, frame, taken) {
  for (const place of places(box, size, frame)) {
    if (!taken.some((other) => overlaps(place, other))) return place;
  }
  return null;
}

/** Around the box, best first, moved into the frame: above, inside, below, down the side. */
function* places(box, size, frame) {
  const heights = [box.top - size.height, box.top, box.bottom, box.bottom - size.height];
  for (let y = box.top + size.height; y < box.bottom - size.height; y += size.height) heights.push(y);
  for (const y of heights) {
    for (const x of [box.left, box.right - size.width]) {
      const left = Math.min(Math.max(x, frame.left), frame.right - size.width);
      const top = Math.min(Math.max(y, frame.top), frame.bottom - size.height);
      if (left < frame.left || top < frame.top) return;
      yield { left, top, right: left + size.width, bottom: top + size.height };
    }
  }
}

export function overlaps(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
