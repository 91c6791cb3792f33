/**
 * The queue: each photograph is checked, uploaded, and followed until its masks are there.
 *
 * A job is {id, name, added, state, progress, file, thumbnail, key, detection, found, problem}.
 * `key` is there once it is uploaded, `detection` once it is asked for: after a reload, or
 * when tried again, a job goes on from there.
 */

import { ApiError } from "./api.js";
import { checkedPhoto, RefusedPhoto, thumbnailOf } from "./photos.js";
import { countShown } from "./results.js";
import { text } from "./strings.js";
import { sendForm } from "./upload.js";

export const BUSY = ["waiting", "uploading", "queued", "starting", "decoding", "inferring", "writing"];

// Browsers open six connections to a host; uploads share one line anyway.
const AT_ONCE = 2;
// The first polls come quickly, since a warm detection takes less than a second.
const FIRST_POLLS_MS = [300, 500, 800, 1200];
const POLL_MS = 2000;

export function createQueue({ store, api, shelf, limits, onDone }) {
  const running = new Map();

  const find = (id) => store.state.jobs.find((job) => job.id === id);

  /** Change a job where it still is; everything but progress is kept across reloads. */
  function change(id, fields) {
    if (!find(id)) return;
    const jobs = store.state.jobs.map((job) => (job.id === id ? { ...job, ...fields } : job));
    store.update({ jobs });
    if (Object.keys(fields).join() !== "progress") shelf.put(find(id));
  }

  async function add(files) {
    const jobs = [...files].map((file, index) => ({
      id: crypto.randomUUID(),
      name: file.name || "photo",
      added: Date.now() + index,
      state: "waiting",
      progress: 0,
      file,
    }));
    store.update((state) => ({ jobs: [...state.jobs, ...jobs], open: jobs[0]?.id ?? state.open }));
    await Promise.all(jobs.map(check));
    startWaiting();
  }

  async function check({ id, file }) {
    try {
      const photo = await checkedPhoto(file, limits);
      // What the browser cannot show, the service may; if not, it says why.
      const thumbnail = await thumbnailOf(photo).catch(() => null);
      change(id, { file: photo, name: photo.name, thumbnail });
    } catch (error) {
      const detail = error instanceof RefusedPhoto ? error.message : text.problems.unexpected;
      change(id, { state: "refused", problem: { detail }, file: null });
    }
  }

  function startWaiting() {
    for (const job of store.state.jobs) {
      if (running.size >= AT_ONCE) return;
      if (job.state === "waiting" && !running.has(job.id)) void start(job.id);
    }
  }

  async function start(id) {
    const abort = new AbortController();
    running.set(id, abort);
    try {
      await run(id, abort.signal);
    } catch (error) {
      if (!abort.signal.aborted) change(id, { state: "failed", problem: problemOf(error) });
    } finally {
      running.delete(id);
      startWaiting();
    }
  }

  async function run(id, signal) {
    if (!find(id).key) await upload(id, signal);
    const { detection, key } = find(id);
    let report = detection
      ? await api.readDetection(detection, signal)
      : await api.createDetection(key, signal);
    change(id, { detection: report.id });
    for (let poll = 0; report.state !== "succeeded"; poll++) {
      if (report.state === "failed") throw new ApiError(report.failure.type, report.failure.detail);
      change(id, { state: report.state });
      await pause(FIRST_POLLS_MS[poll] ?? 1000 * (report.retryAfter ?? POLL_MS / 1000), signal);
      report = await api.readDetection(report.id, signal);
    }
    change(id, { state: "succeeded", found: countShown(report.manifest) });
    onDone(find(id), report);
  }

  async function upload(id, signal) {
    const { file } = find(id);
    if (!file) throw new ApiError("lost", text.problems.lost);
    change(id, { state: "uploading", progress: 0 });
    const send = async () => {
      const form = await api.createUpload(file, signal);
      await sendForm(form, file, { signal, onProgress: (progress) => change(id, { progress }) });
      return { key: form.key, secret: form.deletion_secret };
    };
    let sent;
    try {
      sent = await send();
    } catch (error) {
      // The form had expired, on a slow line or in a sleeping tab: a fresh one is a request away.
      if (error.status !== 403) throw error;
      sent = await send();
    }
    change(id, { ...sent, progress: 1, state: "queued" });
  }

  return {
    add,

    /** Go on with what an earlier visit to the page left. */
    resume() {
      for (const job of store.state.jobs) {
        if (BUSY.includes(job.state)) change(job.id, { state: "waiting" });
      }
      startWaiting();
    },

    cancel(id) {
      running.get(id)?.abort();
      change(id, { state: "cancelled" });
    },

    retry(id) {
      const { detection, problem } = find(id);
      // A detection that failed is asked for anew; one that we lost sight of is looked up.
      const asked = problem?.type === "network" ? detection : undefined;
      change(id, { state: "waiting", problem: undefined, detection: asked });
      startWaiting();
    },

    /** Try again what failed for want of a connection. */
    retryLost() {
      for (const job of store.state.jobs) {
        if (job.state === "failed" && job.problem.type === "network") this.retry(job.id);
      }
    },

    async forget(id) {
      running.get(id)?.abort();
      store.update((state) => ({ jobs: state.jobs.filter((job) => job.id !== id) }));
      await shelf.remove(id);
    },
  };
}

function problemOf(error) {
  if (!(error instanceof ApiError)) return { type: "page", detail: text.problems.unexpected };
  const details = {
    network: text.problems.network,
    upload: text.problems.upload(error.status),
    answer: text.problems.answer,
  };
  return { type: error.type, detail: details[error.type] ?? error.message };
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
