/**
 * Where the visitor is: the first screen, a photograph, or a shared result.
 *
 * Each is a place in the browser's history, so Back and Forward lead through them.
 */

import { loadResult, initialView, openingProblem } from "./results.js";
import { withRetries } from "./retry.js";
import { text } from "./strings.js";
import * as view from "./view.js";

// Somebody looks at the page meanwhile.
const PATIENCE_MS = 10_000;

const NOTHING_OPEN = { open: null, shared: null, result: null, broken: null, opening: false };

export function createNavigation(store, api) {
  const jobOf = (find) => store.state.jobs.find(find);
  const placeOf = (job) => (job.state === "succeeded" ? { result: job.detection } : { job: job.id });

  /** Show what the address names. */
  async function follow() {
    const place = view.currentPlace();
    if (place.result) {
      if (store.state.result?.id === place.result) return;
      const job = jobOf((each) => each.detection === place.result);
      await openResult(place.result, job);
      return;
    }
    const job = place.job && jobOf((each) => each.id === place.job);
    if (job) await show(job);
    else {
      store.update(NOTHING_OPEN);
      if (place.job) view.showPlace({}, { instead: true });
    }
  }

  /** Show a photograph of the queue, as far as it is. */
  async function show(job) {
    store.update({ ...NOTHING_OPEN, open: job.id });
    if (job.state === "succeeded") await openResult(job.detection, job);
  }

  /** `job`: the photograph in this browser's queue, where the result is not another's. */
  async function openResult(id, job, report = null) {
    store.update({ ...NOTHING_OPEN, open: job?.id ?? null, shared: job ? null : id, opening: true });
    const { open, shared } = store.state;
    const isWanted = () => store.state.opening && store.state.open === open && store.state.shared === shared;
    try {
      const read = () => withRetries(() => api.readDetection(id), { patience: PATIENCE_MS });
      const result = await loadResult(api, report ?? (await read()), job?.file);
      if (!isWanted()) return;
      store.update({ result, view: initialView(result), opening: false, raised: null, viewport: null });
      view.showPlace({ result: id }, { instead: true });
    } catch (error) {
      const broken = { title: job?.name ?? text.result.shared, detail: openingProblem(error) };
      if (isWanted()) store.update({ opening: false, broken });
    }
  }

  return {
    follow,

    /** Go to the first screen. */
    home() {
      store.update(NOTHING_OPEN);
      view.showPlace({});
    },

    /** Go to a photograph of the queue. */
    open(id) {
      const job = jobOf((each) => each.id === id);
      if (!job) return;
      view.showPlace(placeOf(job));
      void show(job);
    },

    /** Show what came of the photograph that is open. */
    finished(job, report) {
      if (store.state.open === job.id && !store.state.result) void openResult(report.id, job, report);
    },

    /** Try again to show what could not be shown. */
    again() {
      store.update({ broken: null });
      void follow();
    },

    /** The photograph before (-1) or after (1) the open one, if there is one. */
    beside(step) {
      const { jobs, open } = store.state;
      const at = jobs.findIndex((each) => each.id === open);
      return at < 0 ? null : (jobs[at + step] ?? null);
    },
  };
}

/** What the browser's tab is called. */
export function titleOf({ jobs, open, result, broken }) {
  const job = jobs.find((each) => each.id === open);
  const name = result?.name ?? job?.name ?? broken?.title;
  if (!name) return text.product;
  const state = result || !job || job.state === "succeeded" ? "" : ` – ${text.states[job.state]}`;
  return `${name}${state} · ${text.product}`;
}
