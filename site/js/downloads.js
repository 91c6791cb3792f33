/** The files that a result can be taken along as: {name, blob}, made in the browser. */

import { frameLabels, fullMask } from "./instances.js";
import { trimmed } from "./label_map.js";
import { cutout } from "./masks.js";
import { palette } from "./palette.js";
import { decodeFull } from "./photos.js";
import { labelsPng, maskPng } from "./png.js";
import { encodeRle } from "./rle.js";
import { zip } from "./zip.js";

/** `result` as the store holds it, `instances` those that are visible. */
export function createDownloads(result, instances, maskThreshold) {
  const { frame, detectedThreshold, name, blob, manifest } = result;
  const stem = name.replace(/\.[^.]*$/, "");
  const maskOf = (instance) => fullMask(instance, frame, maskThreshold, detectedThreshold);

  const maskFile = async (instance) => ({
    name: `instances/${fileName(instance)}`,
    blob: await maskPng(maskOf(instance), frame),
  });

  const cutoutFile = async (instance, photo) => ({
    name: `cutouts/${fileName(instance)}`,
    blob: await cutout(photo, trimmed(maskOf(instance))).convertToBlob({ type: "image/png" }),
  });

  const labelsFile = async () => ({
    name: "labels.png",
    blob: await labelsPng(frameLabels(instances, frame, maskThreshold, detectedThreshold), frame, palette),
  });

  const cocoFile = () => ({
    name: "coco.json",
    blob: jsonBlob(cocoResults(instances, stem, (each) => encodeRle(maskOf(each), frame))),
  });

  return {
    mask: async (instance) => flattened(await maskFile(instance), stem),
    labels: async () => flattened(await labelsFile(), stem),
    coco: async () => flattened(cocoFile(), stem),

    async cutout(instance) {
      const photo = await decodeFull(blob, manifest.source);
      return flattened(await cutoutFile(instance, photo), stem);
    },

    async all() {
      const photo = await decodeFull(blob, manifest.source);
      const files = [await labelsFile(), cocoFile()];
      for (const instance of instances) {
        files.push(await maskFile(instance), await cutoutFile(instance, photo));
      }
      const entries = await Promise.all(files.map(bytesOf));
      return { name: `${stem}-masks.zip`, blob: zip(entries) };
    },
  };
}

/** COCO's list of results (https://cocodataset.org/#format-results). */
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

/** A command that asks the service the same, without this page. */
export function curlCommand(detectUrl, filename, { scoreThreshold, maskThreshold }) {
  const url = new URL(detectUrl);
  url.searchParams.set("score_threshold", scoreThreshold);
  url.searchParams.set("mask_threshold", maskThreshold);
  return `curl --form image=@${shellQuoted(filename)} ${shellQuoted(url.href)}`;
}

function shellQuoted(text) {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** As the service names them: 000-person.png. */
function fileName({ index, className }) {
  const word = className.replace(/[^\p{L}\p{N}_]+/gu, "-").replace(/^-+|-+$/g, "");
  return `${String(index).padStart(3, "0")}-${word || "object"}.png`;
}

function flattened({ name, blob }, stem) {
  return { name: `${stem}-${name.replace(/^.*\//, "")}`, blob };
}

function jsonBlob(value) {
  return new Blob([JSON.stringify(value)], { type: "application/json" });
}

async function bytesOf({ name, blob }) {
  return { name, bytes: new Uint8Array(await blob.arrayBuffer()) };
}
