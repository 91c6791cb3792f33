import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { inflateSync } from "node:zlib";

import { area, labelAt, labelMap, summedAlpha, trimmed } from "../../site/js/label_map.js";
import { detectedLook, fullAlpha, fullMask, readInstances } from "../../site/js/instances.js";
import { pasteMask } from "../../site/js/paste.js";
import { decodeRle, encodeRle } from "../../site/js/rle.js";

const references = JSON.parse(readFileSync(new URL("mask_references.json", import.meta.url)));
const rawOf = (each) => Uint8Array.from(Buffer.from(each.raw_mask, "base64"));
const whole = (mask, frame) => labelMap(frame, [{ mask, label: 1 }]);

for (const each of references) {
  const { frame, box, threshold } = each;
  const name = `box ${box} at ${threshold}`;

  test(`pasting sets the service's pixels: ${name}`, () => {
    const mask = pasteMask(rawOf(each), box, frame, threshold);
    assert.equal(area(mask), each.area);
    assert.deepEqual(whole(mask, frame), decodeRle(each.rle).pixels);
  });

  test(`run lengths are the service's: ${name}`, () => {
    const mask = pasteMask(rawOf(each), box, frame, threshold);
    assert.deepEqual(encodeRle(mask, frame), each.rle);
    assert.deepEqual(encodeRle(decodeRle(each.rle), frame), each.rle);
  });
}

test("an empty mask has one run", () => {
  const empty = { x: 3, y: 2, width: 0, height: 0, pixels: new Uint8Array(0) };
  assert.deepEqual(encodeRle(empty, { width: 5, height: 4 }), { size: [4, 5], counts: "d0" });
});

test("a zoomed grid shows the frame's mask enlarged", () => {
  const { frame, box, threshold, ...each } = references[0];
  const exact = whole(pasteMask(rawOf(each), box, frame, threshold), frame);
  const grid = { width: 3 * frame.width, height: 3 * frame.height, scale: 3, x: 0, y: 0 };
  const large = labelMap(grid, [{ mask: pasteMask(rawOf(each), box, frame, threshold, grid), label: 1 }]);
  // The middle of each 3 × 3 block lies over the middle of the frame's pixel.
  const middles = exact.map((_, i) => {
    const [x, y] = [i % frame.width, Math.floor(i / frame.width)];
    return large[(3 * y + 1) * grid.width + 3 * x + 1];
  });
  assert.deepEqual(middles, exact);
});

test("a grid that shows a part holds that part alone", () => {
  const { frame, box, threshold, ...each } = references[0];
  const exact = whole(pasteMask(rawOf(each), box, frame, threshold), frame);
  const grid = { width: 20, height: 10, scale: 1, x: -15, y: -12 };
  const part = labelMap(grid, [{ mask: pasteMask(rawOf(each), box, frame, threshold, grid), label: 1 }]);
  const cut = part.map((_, i) => exact[(12 + Math.floor(i / 20)) * frame.width + 15 + (i % 20)]);
  assert.deepEqual(part, cut);
});

test("pointing finds the mask on top", () => {
  const square = (x, y, side) => ({ x, y, width: side, height: side, pixels: new Uint8Array(side * side).fill(1) });
  const grid = { width: 10, height: 8 };
  const map = labelMap(grid, [
    { mask: square(0, 0, 6), label: 1 },
    { mask: square(4, 4, 4), label: 2 },
  ]);
  assert.equal(labelAt(map, grid, { x: 1.5, y: 1.5 }), 1);
  assert.equal(labelAt(map, grid, { x: 5.2, y: 5.9 }), 2);
  assert.equal(labelAt(map, grid, { x: 9, y: 1 }), 0);
  assert.equal(labelAt(map, grid, { x: 10.1, y: 1 }), 0);
});

test("trimming leaves the set pixels and where they are", () => {
  const mask = { x: 10, y: 20, width: 4, height: 3, pixels: Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0) };
  assert.deepEqual(trimmed(mask), { x: 11, y: 21, width: 2, height: 2, pixels: Uint8Array.of(0, 1, 1, 1) });
});

const alphas = JSON.parse(readFileSync(new URL("alpha_references.json", import.meta.url)));

/** A manifest of one refined instance; its raw mask is empty, so that nothing can come from it. */
function refinedManifest({ box, threshold, ...each }) {
  const raw_mask = Buffer.alloc(28 * 28).toString("base64");
  const detection = { index: 0, class_name: "person", class_id: 1, score: 0.9, area: 1, box, raw_mask };
  return {
    options: { mask_threshold: threshold, edges: "refined" },
    detections: [{ ...detection, rle: each.rle, refined_mask: each.refined_mask }],
  };
}

for (const each of alphas) {
  const name = `box ${each.box} at ${each.threshold}`;

  test(`a refined mask is as opaque as the service's: ${name}`, async () => {
    const manifest = refinedManifest(each);
    const [instance] = await readInstances(manifest);
    const look = detectedLook(manifest);
    const alpha = fullAlpha(instance, each.frame, look, look);
    assert.deepEqual([alpha.x, alpha.y, alpha.width, alpha.height], each.place);
    assert.deepEqual(Buffer.from(alpha.pixels), inflateSync(Buffer.from(each.alpha, "base64")));
  });

  test(`a refined mask sets the service's pixels: ${name}`, async () => {
    const manifest = refinedManifest(each);
    const [instance] = await readInstances(manifest);
    const look = detectedLook(manifest);
    const anew = fullMask(instance, each.frame, look, { ...look, edges: "plain" });
    assert.deepEqual(encodeRle(anew, each.frame), each.rle);
  });
}

test("plain edges are pasted from the network's mask", async () => {
  const manifest = refinedManifest(alphas[0]);
  const [instance] = await readInstances(manifest);
  const look = detectedLook(manifest);
  assert.equal(area(fullMask(instance, alphas[0].frame, { ...look, edges: "plain" }, look)), 0);
});

test("edges of results from before there was a choice are plain", () => {
  assert.deepEqual(detectedLook({ options: { mask_threshold: 0.5 } }), { maskThreshold: 0.5, edges: "plain" });
});

test("where two instances meet half and half nothing shines through", () => {
  const alpha = (x, ...pixels) => ({ x, y: 0, width: 2, height: 1, pixels: Uint8Array.from(pixels) });
  const sum = summedAlpha({ width: 4, height: 1 }, [alpha(0, 255, 128), alpha(1, 127, 255), alpha(2, 200, 9)]);
  assert.deepEqual([...sum.pixels], [255, 255, 255, 9]);
});
