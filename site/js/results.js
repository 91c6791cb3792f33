/** Opens results: the manifest and the photograph, from this browser or from the bucket. */

import { ApiError } from "./api.js";
import { detectedLook, readInstances } from "./instances.js";
import { decodePhoto } from "./photos.js";
import { detailOf } from "./problems.js";
import { withRetries } from "./retry.js";
import { text } from "./strings.js";

// What the score slider begins with; the service was asked for more, so that it has room.
const SCORE_SHOWN = 0.7;
// Somebody looks at the page meanwhile.
const PATIENCE_MS = 10_000;

/** How many instances are shown at first. */
export function countShown({ detections }) {
  return detections.filter(({ score }) => score >= SCORE_SHOWN).length;
}

/** Load what the stage shows; `file` is the photograph where this browser still has it. */
export async function loadResult(api, report, file) {
  const { manifest } = report;
  if (!manifest) throw new ApiError("gone", text.problems.gone);
  const { blob, photo, source } = await drawable(api, report, file ?? (await readPhoto(api, report.photo)));
  return {
    id: report.id,
    name: file?.name ?? manifest.source.key.replace(/^.*\//, ""),
    manifest,
    frame: { width: manifest.source.width, height: manifest.source.height },
    blob,
    source,
    photo,
    instances: await readInstances(manifest),
    detected: detectedLook(manifest),
    lowestScore: Math.floor(manifest.options.score_threshold * 100) / 100,
  };
}

/** The photograph, or the service's own upright JPEG of it where this browser cannot draw it. */
async function drawable(api, report, blob) {
  const { source } = report.manifest;
  try {
    return { blob, source, photo: await decodePhoto(blob, source) };
  } catch (error) {
    const link = report.links?.["photo.jpg"];
    if (!link) throw error;
    const jpeg = await readPhoto(api, link);
    const upright = { ...source, orientation: 1 };
    return { blob: jpeg, source: upright, photo: await decodePhoto(jpeg, upright) };
  }
}

export function initialView({ lowestScore, detected }) {
  return {
    scoreThreshold: Math.max(SCORE_SHOWN, lowestScore),
    ...detected,
    hiddenClasses: [],
    mode: "fill",
    labels: true,
    compare: null,
  };
}

async function readPhoto(api, link) {
  try {
    return await withRetries(() => api.readFile(link), { patience: PATIENCE_MS });
  } catch (error) {
    if (error instanceof ApiError && error.type === "network") throw error;
    throw new ApiError("picture", text.problems.picture);
  }
}

/** Why a result cannot be shown, for people. */
export function openingProblem(error) {
  if (!(error instanceof ApiError)) return text.problems.unexpected;
  if (error.status === 404) return text.problems.gone;
  return detailOf(error);
}
