/** The files that a result can be taken along as: {name, blob}, made in the browser. */

import { areaOf, frameLabels, fullAlpha, fullMask, isSame, lazily } from "./instances.js";
import { summedAlpha, trimmed } from "./label_map.js";
import { cutout, overlay } from "./masks.js";
import { palette } from "./palette.js";
import { decodeFull } from "./photos.js";
import { labelsPng, maskPng, rgbaPng } from "./png.js";
import { encodeRle } from "./rle.js";
import { softened } from "./soft_edge.js";
import { zip } from "./zip.js";

/** `result` as the store holds it, `instances` those that are visible, `view` how they are shown. */
export function createDownloads(result, instances, view) {
  const { frame, detected, name, blob, source, photo } = result;
  const stem = stemOf(name);
  const maskOf = (instance) => fullMask(instance, frame, view, detected);
  const alphaOf = (instance) => fullAlpha(instance, frame, view, detected);
  const labelsMap = () => frameLabels(instances, frame, view, detected);

  const togetherAlpha = () =>
    view.edges === "refined"
      ? summedAlpha(frame, lazily(instances, alphaOf))
      : softened({ x: 0, y: 0, ...frame, pixels: labelsMap().map((label) => (label ? 1 : 0)) });

  const maskFile = async (instance) => ({
    name: `masks/${fileName(instance)}.png`,
    blob: await maskPng(maskOf(instance), frame),
  });

  const cutoutFile = async (instance, whole) => ({
    name: `cutouts/${fileName(instance)}.png`,
    blob: await rgbaPng(cutout(whole, trimmed(alphaOf(instance)))),
  });

  const togetherFile = async (whole) => ({
    name: "cutout-all.png",
    blob: await rgbaPng(cutout(whole, togetherAlpha())),
  });

  const labelsFile = async () => ({ name: "labels.png", blob: await labelsPng(labelsMap(), frame, palette) });

  const overlayFile = async () => ({
    name: "overlay.jpg",
    blob: await overlay(photo, { frame, visible: instances, view: { ...view, mode: "fill", labels: true } }).convertToBlob(
      { type: "image/jpeg", quality: 0.9 },
    ),
  });

  const cocoFile = (imageId) => ({
    name: "coco.json",
    blob: jsonBlob(cocoResults(instances, imageId, (each) => encodeRle(maskOf(each), frame))),
  });

  const allFiles = async (imageId) => {
    const whole = await decodeFull(blob, source);
    const files = [await labelsFile(), await overlayFile(), await togetherFile(whole), cocoFile(imageId)];
    for (const instance of instances) files.push(await maskFile(instance), await cutoutFile(instance, whole));
    return Promise.all(files.map(bytesOf));
  };

  const flattened = ({ name: each, blob: made }) => ({ name: `${stem}-${each.replace("/", "-")}`, blob: made });

  return {
    mask: async (instance) => renamed(await maskFile(instance), `${stem}-${fileName(instance)}-mask.png`),
    labels: async () => flattened(await labelsFile()),
    overlay: async () => flattened(await overlayFile()),
    coco: async () => flattened(cocoFile(1)),

    async cutout(instance) {
      const whole = await decodeFull(blob, source);
      return renamed(await cutoutFile(instance, whole), `${stem}-${fileName(instance)}-cutout.png`);
    },

    async together() {
      return flattened(await togetherFile(await decodeFull(blob, source)));
    },

    /** Everything as files of an archive; `imageId` tells photographs apart in COCO's lists. */
    files: allFiles,

    async all() {
      return { name: `${stem}-masks.zip`, blob: zip(await allFiles(1)) };
    },

    /** The manifest as the page shows it: what is hidden left out, masks at the shown threshold. */
    json: () => shownManifest(result, instances, view, maskOf),
  };
}

/** One archive of many photographs, a folder each. */
export function zipOfPhotos(photos) {
  const taken = new Map();
  const entries = photos.flatMap(({ name, files }) => {
    const stem = stemOf(name);
    const count = (taken.get(stem) ?? 0) + 1;
    taken.set(stem, count);
    const folder = count === 1 ? stem : `${stem} (${count})`;
    return files.map((each) => ({ ...each, name: `${folder}/${each.name}` }));
  });
  return { name: "maskdrop.zip", blob: zip(entries) };
}

/** COCO's list of results (https://cocodataset.org/#format-results); `imageId` is a number. */
export function cocoResults(instances, imageId, rleOf) {
  return instances.map((each) => {
    const [x1, y1, x2, y2] = each.box;
    return {
      image_id: imageId,
      category_id: each.classId,
      bbox: [x1, y1, x2 - x1, y2 - y1].map((value) => Math.round(value * 100) / 100),
      score: each.score,
      segmentation: rleOf(each),
    };
  });
}

/**
 * A command that asks the service the same, without this page.
 *
 * `classes`: the names that are shown, where some are hidden.
 */
export function curlCommand(detectUrl, filename, { scoreThreshold, maskThreshold, edges, classes = [] }) {
  const url = new URL(detectUrl);
  url.searchParams.set("score_threshold", scoreThreshold);
  url.searchParams.set("mask_threshold", maskThreshold);
  url.searchParams.set("edges", edges);
  for (const each of classes) url.searchParams.append("classes", each);
  return `curl --form ${shellQuoted(`image=@${formQuoted(filename)}`)} ${shellQuoted(url.href)}`;
}

/** curl takes `,` and `;` in a form's file name for its own, unless the name is in quotes. */
function formQuoted(text) {
  return `"${text.replace(/["\\]/g, String.raw`\$&`)}"`;
}

function shellQuoted(text) {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function shownManifest({ manifest, frame, detected, instances: all }, instances, view, maskOf) {
  const { scoreThreshold, maskThreshold, edges, hiddenClasses } = view;
  const shown = new Set(instances.map(({ index }) => index));
  const options = { ...manifest.options, score_threshold: scoreThreshold, mask_threshold: maskThreshold, edges };
  if (hiddenClasses.length > 0) {
    const names = [...new Set(all.map(({ className }) => className))];
    options.classes = names.filter((name) => !hiddenClasses.includes(name));
  }
  const byIndex = new Map(instances.map((each) => [each.index, each]));
  const detections = manifest.detections.filter(({ index }) => shown.has(index)).map((each) => {
    if (isSame(view, detected)) return each;
    const mask = maskOf(byIndex.get(each.index));
    return { ...each, area: areaOf(mask), rle: encodeRle(mask, frame) };
  });
  return JSON.stringify({ ...manifest, options, detections }, null, 2);
}

/** `person-2`, as the page calls it. */
function fileName({ className, number }) {
  const word = className.replace(/[^\p{L}\p{N}_]+/gu, "-").replace(/^-+|-+$/g, "");
  return `${word || "object"}-${number}`;
}

function stemOf(name) {
  return name.replace(/\.[^.]*$/, "") || name;
}

function renamed({ blob }, name) {
  return { name, blob };
}

function jsonBlob(value) {
  return new Blob([JSON.stringify(value)], { type: "application/json" });
}

async function bytesOf({ name, blob }) {
  return { name, bytes: new Uint8Array(await blob.arrayBuffer()) };
}
