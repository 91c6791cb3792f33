import assert from "node:assert/strict";
import { test } from "node:test";

import { countClasses, paintOrder, visibleInstances } from "../../site/js/instances.js";
import { freePlace, overlaps } from "../../site/js/label_places.js";
import { createStore } from "../../site/js/store.js";
import { fit, isFitted, panBy, zoomAt, zoomOnto } from "../../site/js/viewport.js";

const frame = { width: 400, height: 200 };
const stage = { width: 200, height: 200 };
const corner = { left: 0, top: 0, right: 200, bottom: 200 };

test("the whole photo is shown in the middle of the stage", () => {
  assert.deepEqual(fit(frame, stage), { scale: 0.5, x: 0, y: 50 });
});

test("zooming keeps what is under the pointer there", () => {
  const point = { x: 100, y: 100 };
  const close = zoomAt(fit(frame, stage), 4, point, frame, stage);
  assert.deepEqual(toFrame(close, point), toFrame(fit(frame, stage), point));
});

test("zooming out ends with the whole photo", () => {
  const close = zoomAt(fit(frame, stage), 4, { x: 0, y: 60 }, frame, stage);
  const far = zoomAt(close, 0.01, { x: 190, y: 10 }, frame, stage);
  assert.deepEqual(far, fit(frame, stage));
  assert.ok(isFitted(far, frame, stage));
});

test("panning stops at the photo's edges", () => {
  const close = zoomAt(fit(frame, stage), 4, { x: 100, y: 100 }, frame, stage);
  assert.equal(panBy(close, 10_000, 0, frame, stage).x, 0);
  assert.equal(panBy(close, -10_000, 0, frame, stage).x, 200 - 400 * close.scale);
});

test("zooming onto a box brings it into the middle", () => {
  const view = zoomOnto([180, 90, 220, 110], frame, stage);
  assert.deepEqual(toFrame(view, { x: 100, y: 100 }), { x: 200, y: 100 });
});

test("labels of one box many times never cover each other", () => {
  const box = { left: 40, top: 40, right: 160, bottom: 160 };
  const taken = [];
  for (let i = 0; i < 40; i++) {
    const place = freePlace(box, { width: 50, height: 20 }, corner, taken);
    if (place) taken.push(place);
  }
  assert.ok(taken.length > 4);
  assert.ok(!taken.some((a, i) => taken.some((b, j) => i !== j && overlaps(a, b))));
});

test("a label that is larger than the stage has no place", () => {
  const box = { left: 0, top: 0, right: 10, bottom: 10 };
  assert.equal(freePlace(box, { width: 300, height: 20 }, corner, []), null);
});

test("filters keep what passes both", () => {
  const found = [cat(0, 0.9), cat(1, 0.4), { ...cat(2, 0.8), className: "dog" }];
  const shown = visibleInstances(found, { scoreThreshold: 0.5, hiddenClasses: ["dog"] });
  assert.deepEqual(shown.map(({ index }) => index), [0]);
  assert.deepEqual(countClasses(found, 0.85), [["cat", 1], ["dog", 0]]);
});

test("large things are painted first, and the raised one last", () => {
  const [small, large] = [cat(0, 0.9, [0, 0, 5, 5]), cat(1, 0.8, [0, 0, 50, 50])];
  assert.deepEqual(paintOrder([small, large], null), [large, small]);
  assert.deepEqual(paintOrder([small, large], 1), [small, large]);
});

test("a store tells its listeners until they leave", () => {
  const store = createStore({ count: 1 });
  const heard = [];
  const leave = store.subscribe(({ count }) => heard.push(count));
  store.update(({ count }) => ({ count: count + 1 }));
  leave();
  store.update({ count: 9 });
  assert.deepEqual([heard, store.state], [[2], { count: 9 }]);
});

/** The frame's point under a point of the stage. */
function toFrame({ scale, x, y }, point) {
  return { x: (point.x - x) / scale, y: (point.y - y) / scale };
}

function cat(index, score, box = [0, 0, 10, 10]) {
  return { index, score, box, className: "cat" };
}
