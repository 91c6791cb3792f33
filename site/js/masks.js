/**
 * Draws photograph and masks on canvases.
 *
 * A scene is {frame, stage, viewport, density, visible, raised, view}: `stage` in CSS pixels,
 * `density` the masks' canvas pixels per CSS pixel, `visible` the instances, `view` what the tools say.
 */

import { paintOrder, shapeOf } from "./instances.js";
import { freePlace } from "./label_places.js";
import { labelAt, labelMap } from "./label_map.js";
import { cssColour, inkOn, instanceColour } from "./palette.js";
import { pasteMask } from "./paste.js";
import { text } from "./strings.js";

const TINT = 0.42;
const FAINT = 0.14;
const EDGE_WIDTH = 1.6;
const LABEL_SIZES = [10, 20];
const LABELS_PER_STAGE = 75;
const THUMBNAIL = 56;

export function drawPhoto(canvas, photo, { frame, stage, viewport, pixelRatio }) {
  resize(canvas, stage, pixelRatio);
  const context = canvas.getContext("2d");
  const scale = viewport.scale * pixelRatio;
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = scale < 3;
  context.imageSmoothingQuality = "high";
  const [x, y] = [viewport.x * pixelRatio, viewport.y * pixelRatio];
  context.drawImage(photo, x, y, frame.width * scale, frame.height * scale);
}

/** Masks pasted for one zoom and threshold; another slider or a raised instance needs no new ones. */
export function createPainter() {
  let pasted = new Map();
  let made = "";
  let map = null;
  let grid = null;
  let layer = null;

  const paste = (instance, scene) => {
    const mask =
      pasted.get(instance) ??
      pasteMask(shapeOf(instance, scene.view), instance.box, scene.frame, scene.view.maskThreshold, grid);
    pasted.set(instance, mask);
    return mask;
  };

  return {
    /** Draw masks, boxes and labels over the photograph. */
    drawMasks(canvas, scene) {
      resize(canvas, scene.stage, scene.density);
      grid = gridOf(canvas, scene);
      const wanted = JSON.stringify([grid, scene.view.maskThreshold, scene.view.edges]);
      if (wanted !== made) pasted = new Map();
      made = wanted;
      const order = paintOrder(scene.visible, scene.raised);
      map = labelMap(
        grid,
        order.map((each) => ({ mask: paste(each, scene), label: each.index + 1 })),
      );
      const context = canvas.getContext("2d");
      if (layer?.width !== canvas.width || layer.height !== canvas.height) {
        layer = context.createImageData(canvas.width, canvas.height);
      }
      colour(layer, map, scene);
      context.putImageData(layer, 0, 0);
      if (scene.view.labels) drawNames(context, order, scene);
    },

    /** The index of the instance at a point of the stage, or null. */
    instanceAt(point, stage) {
      if (!map) return null;
      const density = grid.width / stage.width;
      const label = labelAt(map, grid, { x: point.x * density, y: point.y * density });
      return label === 0 ? null : label - 1;
    },
  };
}

/** One instance on a small canvas, cut out of the photograph. */
export function drawThumbnail(canvas, { photo, frame }, instance, look) {
  const density = 2;
  resize(canvas, { width: THUMBNAIL, height: THUMBNAIL }, density);
  const [x1, y1, x2, y2] = instance.box;
  const scale = (0.92 * canvas.width) / Math.max(x2 - x1, y2 - y1, 1);
  const x = canvas.width / 2 - ((x1 + x2) / 2) * scale;
  const y = canvas.height / 2 - ((y1 + y2) / 2) * scale;
  const { width, height } = canvas;
  const grid = { width, height, scale, x, y };
  const mask = pasteMask(shapeOf(instance, look), instance.box, frame, look.maskThreshold, grid);
  const context = canvas.getContext("2d");
  const shape = context.createImageData(width, height);
  for (let row = 0; row < mask.height; row++) {
    for (let column = 0; column < mask.width; column++) {
      const at = (mask.y + row) * width + mask.x + column;
      shape.data[4 * at + 3] = 255 * mask.pixels[row * mask.width + column];
    }
  }
  context.putImageData(shape, 0, 0);
  context.globalCompositeOperation = "source-in";
  const ratio = photo.width / frame.width;
  context.drawImage(
    photo,
    x1 * ratio,
    y1 * ratio,
    (x2 - x1) * ratio,
    (y2 - y1) * ratio,
    x1 * scale + x,
    y1 * scale + y,
    (x2 - x1) * scale,
    (y2 - y1) * scale,
  );
  context.globalCompositeOperation = "source-over";
}

/**
 * The photograph where an instance is visible, as {width, height, data}, RGBA; nothing else is in it.
 *
 * alpha: opacity by pixel. Colours are not premultiplied, which a canvas would round.
 */
export function cutout(photo, alpha) {
  const canvas = new OffscreenCanvas(Math.max(alpha.width, 1), Math.max(alpha.height, 1));
  const context = canvas.getContext("2d");
  context.drawImage(photo, -alpha.x, -alpha.y);
  const { width, height, data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const pixels = new Uint32Array(data.buffer);
  for (let i = 0; i < pixels.length; i++) {
    if (alpha.pixels[i]) data[4 * i + 3] = alpha.pixels[i];
    else pixels[i] = 0;
  }
  return { width, height, data };
}

/** Photograph, masks, boxes and names as the stage draws them, at the photograph's own size. */
export function overlay(photo, scene) {
  const { width, height } = photo;
  const scale = width / scene.frame.width;
  const whole = { ...scene, stage: { width, height }, viewport: { scale, x: 0, y: 0 }, density: 1, raised: null };
  const masks = new OffscreenCanvas(width, height);
  createPainter().drawMasks(masks, whole);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.drawImage(photo, 0, 0);
  context.drawImage(masks, 0, 0);
  return canvas;
}

function resize(canvas, { width, height }, density) {
  const wide = Math.max(1, Math.round(width * density));
  const high = Math.max(1, Math.round(height * density));
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
}

function gridOf({ width, height }, { viewport, density }) {
  return {
    width,
    height,
    scale: viewport.scale * density,
    x: viewport.x * density,
    y: viewport.y * density,
  };
}

/** Fill the layer's pixels by their labels; edges are where another label is near. */
function colour({ data, width, height }, map, scene) {
  const pixels = new Uint32Array(data.buffer);
  const { fills, edges, background } = inks(scene);
  if (background) drawCheckerboard(pixels, width, scene.density);
  else pixels.fill(0);
  const reach = Math.max(1, Math.round(EDGE_WIDTH * scene.density));
  const below = reach * width;
  for (let y = 0; y < height; y++) {
    const inner = y >= reach && y < height - reach;
    const row = y * width;
    for (let x = 0; x < width; x++) {
      const at = row + x;
      const label = map[at];
      if (label === 0) continue;
      const isEdge =
        (x >= reach && map[at - reach] !== label) ||
        (x < width - reach && map[at + reach] !== label) ||
        (inner && (map[at - below] !== label || map[at + below] !== label));
      if (!background) pixels[at] = isEdge ? edges[label] : fills[label];
      else pixels[at] = isEdge ? halved(pixels[at]) : fills[label];
    }
  }
}

/** The colours of this view as pixels: by label, and where there is none. */
function inks({ view, raised }) {
  const fills = new Uint32Array(256);
  const edges = new Uint32Array(256);
  for (let index = 0; index < 255; index++) {
    const isFaint = raised !== null && index !== raised;
    const tint = isFaint ? FAINT : TINT;
    fills[index + 1] = view.mode === "fill" ? rgba(instanceColour(index), tint) : 0;
    edges[index + 1] = view.mode === "cutout" ? 0 : rgba(instanceColour(index), isFaint ? 0.5 : 1);
    if (view.mode === "cutout" && isFaint) fills[index + 1] = edges[index + 1] = rgba(PAPER, 0.7);
  }
  return { fills, edges, background: view.mode === "cutout" };
}

// What is no instance's, under another instance that is pointed at.
const PAPER = [24, 27, 26];
// What stands for transparency everywhere.
const SQUARES = [rgba([255, 255, 255], 1), rgba([214, 217, 215], 1)];
const SQUARE_SIDE = 10;

function drawCheckerboard(pixels, width, density) {
  const side = Math.max(1, Math.round(SQUARE_SIDE * density));
  const rows = [0, 1].map((first) =>
    Uint32Array.from({ length: width }, (_, x) => SQUARES[(Math.floor(x / side) + first) % 2]),
  );
  for (let at = 0, y = 0; at < pixels.length; at += width, y++) pixels.set(rows[Math.floor(y / side) % 2], at);
}

/** The same colour at half its alpha: a soft edge over the photograph. */
function halved(pixel) {
  return ((pixel & 0xffffff) | 0x80000000) >>> 0;
}

/**
 * As a canvas stores it, on machines that store the low byte first: all that browsers run on.
 *
 * @param {number[]} colour
 * @param {number} alpha
 */
function rgba([red, green, blue], alpha) {
  return ((Math.round(alpha * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** Boxes, and names that cover no other name; the best scored choose first. */
function drawNames(context, order, scene) {
  const { density, stage, raised } = scene;
  context.save();
  context.scale(density, density);
  const [smallest, largest] = LABEL_SIZES;
  const size = Math.min(Math.max(stage.width / LABELS_PER_STAGE, smallest), largest);
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  for (const instance of order) drawBox(context, instance, scene);
  const first = [...order].sort((a, b) => Number(b.index === raised) - Number(a.index === raised) || a.index - b.index);
  const corner = { left: 0, top: 0, right: stage.width, bottom: stage.height };
  const taken = [];
  for (const instance of first) {
    const name = `${instance.name}  ${text.percent(instance.score)}`;
    const room = { width: context.measureText(name).width + 1.1 * size, height: 1.65 * size };
    const place = freePlace(onStage(instance.box, scene), room, corner, taken);
    if (!place || !isOnStage(instance.box, scene)) continue;
    taken.push(place);
    context.globalAlpha = raised === null || raised === instance.index ? 1 : 0.35;
    context.fillStyle = cssColour(instance.index);
    context.beginPath();
    context.roundRect(place.left, place.top, room.width, room.height, 0.4 * size);
    context.fill();
    context.fillStyle = inkOn(instanceColour(instance.index));
    context.fillText(name, place.left + 0.55 * size, place.top + room.height / 2 + 0.5);
  }
  context.restore();
}

function drawBox(context, instance, scene) {
  const { left, top, right, bottom } = onStage(instance.box, scene);
  context.globalAlpha = scene.raised === null || scene.raised === instance.index ? 0.9 : 0.2;
  context.strokeStyle = cssColour(instance.index);
  context.lineWidth = scene.raised === instance.index ? 2 : 1.25;
  context.beginPath();
  context.roundRect(left, top, right - left, bottom - top, 4);
  context.stroke();
}

function onStage([x1, y1, x2, y2], { viewport: { scale, x, y } }) {
  return { left: x1 * scale + x, top: y1 * scale + y, right: x2 * scale + x, bottom: y2 * scale + y };
}

function isOnStage(box, scene) {
  const { left, top, right, bottom } = onStage(box, scene);
  return right > 0 && bottom > 0 && left < scene.stage.width && top < scene.stage.height;
}
