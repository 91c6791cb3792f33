/** What the page's buttons, keys and pointers do. */

import { createDownloads, curlCommand, zipOfPhotos } from "./downloads.js";
import { createGestures } from "./gestures.js";
import { visibleInstances } from "./instances.js";
import { createPainter, drawPhoto, drawThumbnail } from "./masks.js";
import { initialView, loadResult, openingProblem } from "./results.js";
import { withRetries } from "./retry.js";
import { sceneOf } from "./scene.js";
import { text } from "./strings.js";
import * as view from "./view.js";
import { zoomOnto } from "./viewport.js";

const NOTICE_MS = 5000;
const SAMPLE_PATIENCE_MS = 5000;

export function createActions({ store, api, queue, navigation }) {
  const tell = (notice) => {
    store.update({ notice, said: notice });
    setTimeout(() => store.state.notice === notice && store.update({ notice: null }), NOTICE_MS);
  };
  return {
    ...lookingActions(store),
    ...photoActions({ store, api, queue, navigation, tell }),
    ...takingActions({ store, api, tell }),
    ...deletingActions({ store, queue, navigation, tell }),
    closeNotice: () => store.update({ notice: null }),
    toggleTheme() {
      store.update(({ dark }) => ({ dark: !dark }));
      view.useTheme(store.state.dark, true);
    },
  };
}

function lookingActions(store) {
  const painter = createPainter();
  const raise = (raised) => store.state.raised !== raised && store.update({ raised });
  const gestures = createGestures(store, {
    pointed: (point) => raise(point && painter.instanceAt(point, store.state.stage)),
    clicked: (point) => raise(painter.instanceAt(point, store.state.stage)),
  });
  return {
    ...gestures,
    raise,
    drawPhoto: (canvas, scene) => drawPhoto(canvas, store.state.result.photo, scene),
    drawMasks: painter.drawMasks,
    drawThumbnail(canvas, instance) {
      drawThumbnail(canvas, store.state.result, instance, store.state.view);
    },
    look: (change) => store.update((state) => ({ view: { ...state.view, ...change } })),
    resetView: () => store.update(({ result, view: look }) => ({ view: { ...initialView(result), mode: look.mode } })),
    showGuesses: () => store.update(({ result, view: look }) => ({ view: { ...look, scoreThreshold: result.lowestScore } })),
    toggleClass: (name) =>
      store.update(({ view: look }) => {
        const isHidden = look.hiddenClasses.includes(name);
        const hiddenClasses = isHidden
          ? look.hiddenClasses.filter((each) => each !== name)
          : [...look.hiddenClasses, name];
        return { view: { ...look, hiddenClasses } };
      }),

    /** Zoom onto an instance, or back from it. */
    show(index) {
      const { result, stage, viewport, raised } = store.state;
      const { box } = result.instances.find((each) => each.index === index);
      const isShown = viewport && raised === index;
      store.update({ raised: index, viewport: isShown ? null : zoomOnto(box, result.frame, stage) });
      view.bringIntoSight("#stage");
    },
  };
}

function photoActions({ store, api, queue, navigation, tell }) {
  const add = async (files) => {
    if (files.length === 0) return;
    const before = store.state.jobs.length;
    store.update({ said: text.said.added(files.length) });
    const adding = queue.add(files);
    navigation.open(store.state.jobs[before].id);
    await adding;
  };
  const step = (by) => {
    const job = navigation.beside(by);
    if (job) navigation.open(job.id);
  };
  return {
    add: (files) => void add(files),

    async addSample(name) {
      try {
        const read = () => api.readFile(`samples/${name}.jpg`);
        const blob = await withRetries(read, { patience: SAMPLE_PATIENCE_MS });
        await add([new File([blob], `${name}.jpg`, { type: "image/jpeg" })]);
      } catch (error) {
        tell(text.problems.sample(openingProblem(error)));
      }
    },

    open: navigation.open,
    openAgain: navigation.again,
    home(event) {
      event.preventDefault();
      navigation.home();
    },
    previous: () => step(-1),
    next: () => step(1),
    key(event) {
      if (event.key === "ArrowLeft") step(-1);
      else if (event.key === "ArrowRight") step(1);
    },

    cancel: (id) => void queue.cancel(id),
    retry: (id) => queue.retry(id),
    retryAll: () => queue.retryAll(),
  };
}

function takingActions({ store, api, tell }) {
  const downloads = () => {
    const { result, view: look } = store.state;
    return createDownloads(result, sceneOf(store.state).visible, look);
  };
  const save = async (making) => {
    try {
      const { name, blob } = await making;
      view.saveFile(blob, name);
      tell(text.said.saved(name));
    } catch (error) {
      tell(openingProblem(error));
    }
  };
  const copy = async (value) => {
    tell(await view.copyText(value).then(() => text.said.copied, () => text.said.copyFailed));
  };
  return {
    saveMask: (instance) => save(downloads().mask(instance)),
    saveCutout: (instance) => save(downloads().cutout(instance)),
    saveZip: () => save(downloads().all()),
    saveLabels: () => save(downloads().labels()),
    saveOverlay: () => save(downloads().overlay()),
    saveTogether: () => save(downloads().together()),
    saveCoco: () => save(downloads().coco()),
    saveAllPhotos: async () => {
      store.update({ packing: 0 });
      await save(packed(store, api));
      store.update({ packing: null });
    },
    copyJson: () => copy(downloads().json()),
    copyCurl() {
      const { result, view: look } = store.state;
      const names = [...new Set(result.instances.map(({ className }) => className))];
      const classes = look.hiddenClasses.length ? names.filter((name) => !look.hiddenClasses.includes(name)) : [];
      void copy(curlCommand(api.url("api/detect"), result.name, { ...look, classes }));
    },
    copyLink: () => copy(view.addressOf({ result: store.state.result.id })),
  };
}

/** One archive of every photograph that is done, each as the page first shows it. */
async function packed(store, api) {
  const jobs = store.state.jobs.filter((each) => each.state === "succeeded");
  const photos = [];
  for (const [index, job] of jobs.entries()) {
    const report = await withRetries(() => api.readDetection(job.detection));
    const result = await loadResult(api, report, job.file);
    const look = initialView(result);
    const files = await createDownloads(result, visibleInstances(result.instances, look), look).files(index + 1);
    result.photo.close();
    photos.push({ name: job.name, files });
    store.update({ packing: (index + 1) / jobs.length });
  }
  return zipOfPhotos(photos);
}

function deletingActions({ store, queue, navigation, tell }) {
  const isKept = ({ uploads, key, detection }) => Boolean(uploads?.length || key || detection);
  const remove = async (ids) => {
    const jobs = store.state.jobs.filter((each) => ids.includes(each.id));
    if (ids.includes(store.state.open)) navigation.home();
    const outcomes = await Promise.allSettled(jobs.map((each) => queue.forget(each.id)));
    const failed = outcomes.filter((each) => each.status === "rejected").length;
    if (failed) tell(text.said.notDeleted(failed));
    else tell(jobs.length === 1 ? text.said.deleted(jobs[0].name) : text.said.allDeleted(jobs.length));
  };
  return {
    /** Delete photographs, after a question where the service has something of them. */
    askToDelete(ids) {
      const jobs = store.state.jobs.filter((each) => ids.includes(each.id));
      if (jobs.some(isKept)) store.update({ confirming: ids });
      else void remove(ids);
    },
    keep: () => store.update({ confirming: null }),
    async remove() {
      const ids = store.state.confirming;
      store.update({ confirming: null });
      await remove(ids);
    },
  };
}
