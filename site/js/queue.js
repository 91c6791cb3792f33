/**
 * The queue: each photograph is checked, uploaded, and followed until its masks are there.
 *
 * A job is {id, name, added, state, progress, waiting, file, thumbnail, uploads, key, detection,
 * found, problem}. `uploads` are those that were begun, [{key, secret}]: the secrets delete them.
 * `key` is there once the photograph is uploaded, `detection` once it is asked for: after a
 * reload, or when tried again, a job goes on from there. `waiting` {seconds, detail} while a
 * failed request waits for its next try.
 */

import { ApiError, uploadId } from "./api.js";
import { checkedPhoto, isUndrawable, RefusedPhoto, thumbnailOf } from "./photos.js";
import { problemOf } from "./problems.js";
import { countShown } from "./results.js";
import { pause, withRetries } from "./retry.js";
import { text } from "./strings.js";
import { randomName } from "./tabs.js";
import { sendForm } from "./upload.js";

export const BUSY = ["waiting", "uploading", "queued", "starting", "decoding", "inferring", "writing"];

// Browsers open six connections to a host; uploads share one line anyway.
const AT_ONCE = 2;
// The first polls come quickly, since a warm detection takes less than a second.
const FIRST_POLLS_MS = [300, 500, 800, 1200];
const POLL_MS = 2000;
// What the service forgets when it is asked for again: the photograph must be sent anew.
const UPLOAD_GONE = "urn:maskdrop:problem:object-not-found";

export function createQueue({ store, api, shelf, tabs, limits, onDone, onFailed }) {
  const running = new Map();
  const elsewhere = new Set();

  const find = (id) => store.state.jobs.find((job) => job.id === id);

  /** Change a job where it still is; all but what passes by is kept across reloads. */
  function change(id, fields) {
    if (!find(id)) return;
    apply(id, fields);
    tabs.tell({ id, fields });
    const passes = Object.keys(fields).every((name) => name === "progress" || name === "waiting");
    if (!passes) void shelf.put({ ...find(id), waiting: null });
  }

  function apply(id, fields) {
    const jobs = store.state.jobs.map((job) => (job.id === id ? { ...job, ...fields } : job));
    store.update({ jobs });
  }

  async function add(files) {
    const jobs = [...files].map((file, index) => ({
      id: randomName(),
      name: file.name || "photo",
      added: Date.now() + index,
      state: "waiting",
      progress: 0,
      uploads: [],
      file,
    }));
    store.update((state) => ({ jobs: [...state.jobs, ...jobs] }));
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
      onFailed(find(id));
    }
  }

  function startWaiting() {
    for (const job of store.state.jobs) {
      if (running.size - elsewhere.size >= AT_ONCE) return;
      if (job.state === "waiting" && !running.has(job.id)) void start(job.id);
    }
  }

  async function start(id) {
    const abort = new AbortController();
    running.set(id, abort);
    const watch = () => {
      elsewhere.add(id);
      startWaiting();
    };
    try {
      await tabs.alone(id, abort.signal, (wasElsewhere) => work(id, abort.signal, wasElsewhere), watch);
    } catch (error) {
      if (!abort.signal.aborted) fail(id, error);
    } finally {
      running.delete(id);
      elsewhere.delete(id);
      startWaiting();
    }
  }

  /** Go on where another tab stopped, if there is anything left to do. */
  async function work(id, signal, wasElsewhere) {
    if (wasElsewhere) {
      const kept = await shelf.get(id);
      if (kept) apply(id, { ...kept, waiting: null });
    }
    const job = find(id);
    if (job && (!wasElsewhere || BUSY.includes(job.state))) await run(id, signal);
  }

  function fail(id, error) {
    change(id, { state: "failed", waiting: null, problem: problemOf(error) });
    if (find(id)) onFailed(find(id));
  }

  async function run(id, signal) {
    const onWait = (waiting) =>
      change(id, { waiting: waiting && { seconds: waiting.seconds, detail: problemOf(waiting.error).detail } });
    const patiently = (action) => withRetries(action, { signal, onWait });
    if (!find(id).key) await upload(id, signal, patiently);
    let report = await ask(id, signal, patiently);
    change(id, { detection: report.id });
    for (let poll = 0; report.state !== "succeeded"; poll++) {
      if (report.state === "failed") throw new ApiError(report.failure.type, report.failure.detail);
      // Deleted by another browser with the same secret.
      if (report.state === "cancelled") throw new ApiError("gone", text.problems.gone);
      change(id, { state: report.state });
      await pause(FIRST_POLLS_MS[poll] ?? 1000 * (report.retryAfter ?? POLL_MS / 1000), signal);
      report = await patiently(() => api.readDetection(report.id, signal));
    }
    change(id, { state: "succeeded", found: countShown(report.manifest), problem: undefined });
    onDone(find(id), report);
  }

  async function ask(id, signal, patiently) {
    const { detection, key, file } = find(id);
    const outputs = file && isUndrawable(file) ? ["photo"] : [];
    try {
      return await patiently(() =>
        detection ? api.readDetection(detection, signal) : api.createDetection(key, signal, outputs),
      );
    } catch (error) {
      if (error.type === UPLOAD_GONE) change(id, { key: undefined });
      throw error;
    }
  }

  async function upload(id, signal, patiently) {
    const { file } = find(id);
    if (!file) throw new ApiError("lost", text.problems.lost);
    change(id, { state: "uploading", progress: 0 });
    const askForm = async () => {
      const form = await patiently(() => api.createUpload(file, signal));
      change(id, { uploads: [...(find(id).uploads ?? []), { key: form.key, secret: form.deletion_secret }] });
      return form;
    };
    const send = (form) =>
      patiently(() => sendForm(form, file, { signal, onProgress: (progress) => change(id, { progress }) }));
    let form = await askForm();
    try {
      await send(form);
    } catch (error) {
      // The form had expired, on a slow line or in a sleeping tab: a fresh one is a request away.
      if (error.status !== 403) throw error;
      form = await askForm();
      await send(form);
    }
    change(id, { key: form.key, progress: 1, state: "queued" });
  }

  /** Delete what the service has of a job. */
  async function erase({ uploads = [], key, detection }) {
    const secretOf = (each) => uploads.find((upload) => upload.key === each)?.secret;
    const secret = secretOf(key);
    if (detection && secret) await withRetries(() => api.deleteDetection(detection, secret));
    for (const each of uploads) await withRetries(() => api.deleteUpload(uploadId(each.key), each.secret));
  }

  function drop(id) {
    store.update((state) => ({ jobs: state.jobs.filter((job) => job.id !== id) }));
  }

  function stop(id) {
    running.get(id)?.abort();
    tabs.tell({ id, stop: true });
  }

  async function forget(id) {
    const job = find(id);
    if (!job) return;
    stop(id);
    change(id, { state: "deleting", waiting: null, problem: undefined });
    try {
      await erase(job);
    } catch (error) {
      const detail = text.problems.notDeleted(problemOf(error).detail);
      change(id, { state: "failed", problem: { type: "deletion", detail } });
      throw error;
    }
    drop(id);
    tabs.tell({ id, dropped: true });
    await shelf.remove(id);
  }

  tabs.hear(async ({ id, fields, stop: stopped, dropped }) => {
    if (stopped) running.get(id)?.abort();
    else if (dropped) drop(id);
    else if (find(id)) apply(id, fields);
    else {
      const job = await shelf.get(id);
      if (job && !find(id)) store.update((state) => ({ jobs: [...state.jobs, job] }));
    }
    startWaiting();
  });

  return {
    add,

    /** Go on with what an earlier visit to the page left. */
    resume() {
      for (const job of store.state.jobs) {
        if (job.state === "deleting") void forget(job.id).catch(() => {});
        else if (BUSY.includes(job.state)) apply(job.id, { state: "waiting", waiting: null });
      }
      startWaiting();
    },

    /** Stop, and delete what was sent; the photograph stays here and may be tried again. */
    async cancel(id) {
      const job = find(id);
      stop(id);
      change(id, { state: "cancelled", waiting: null, key: undefined, detection: undefined });
      try {
        await erase(job);
      } catch {
        // The secrets stay with the job, which deletes with them when it is removed.
        return;
      }
      const erased = (job.uploads ?? []).map(({ key }) => key);
      if (find(id)) change(id, { uploads: find(id).uploads.filter(({ key }) => !erased.includes(key)) });
    },

    retry(id) {
      const { detection, problem } = find(id);
      // A detection that failed is asked for anew; one that we lost sight of is looked up.
      const isLost = problem?.isTransient;
      change(id, { state: "waiting", problem: undefined, detection: isLost ? detection : undefined });
      startWaiting();
    },

    retryAll() {
      for (const job of store.state.jobs) if (job.state === "failed") this.retry(job.id);
    },

    /** Delete a job here and what the service has of it; rejects where the service cannot. */
    forget,
  };
}
