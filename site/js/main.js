/** Wires the page: state in the store, actions that change it, components that describe it. */

import { page } from "../components/page.js";
import { createApi, loadConfig } from "./api.js";
import { createDownloads, curlCommand } from "./downloads.js";
import { createGestures } from "./gestures.js";
import { createPainter, drawPhoto, drawThumbnail } from "./masks.js";
import { createQueue } from "./queue.js";
import { initialView, loadResult, openingProblem } from "./results.js";
import { isZoomed, sceneOf } from "./scene.js";
import { openShelf } from "./shelf.js";
import { createStore } from "./store.js";
import { text } from "./strings.js";
import { zoomOnto } from "./viewport.js";
import * as view from "./view.js";

const NOTICE_MS = 5000;
// After the last move of a slider, or of the photograph.
const STILL_AFTER_MS = 150;

const store = createStore({
  config: null,
  docsUrl: "docs",
  jobs: [],
  open: null,
  opening: false,
  result: null,
  broken: null,
  view: null,
  raised: null,
  viewport: null,
  stage: { width: 1, height: 1 },
  pixelRatio: devicePixelRatio,
  isStill: true,
  confirming: false,
  dragging: false,
  notice: null,
  said: "",
  online: navigator.onLine,
  dark: view.prefersDark(),
});

const painter = createPainter();

async function start() {
  const [config, shelf] = await Promise.all([loadConfig().catch(() => null), openShelf()]);
  if (!config) {
    store.update({ broken: { title: text.product, detail: text.problems.config } });
    view.mount(view.root(), store, (state) => page(state, null, {}));
    return;
  }
  const api = createApi(config);
  const queue = createQueue({ store, api, shelf, limits: config.limits, onDone });
  const actions = createActions(api, queue);
  store.update({ config, docsUrl: api.url("docs").href, jobs: (await shelf.all()).sort((a, b) => a.added - b.added) });
  const watch = view.watchSize(view.root(), "#stage", (stage) => store.update({ stage, viewport: null }));
  view.mount(view.root(), store, (state) => {
    const scene = sceneOf(state);
    return page({ ...state, zoomed: scene !== null && isZoomed(state) }, scene, actions);
  }, watch);
  view.listen({
    files: actions.add,
    dragging: (dragging) => store.state.dragging !== dragging && store.update({ dragging }),
    wheel: actions.stageWheel,
    online: (online) => {
      store.update({ online });
      if (online) queue.retryLost();
    },
    navigated: () => openShared(api, view.sharedId()),
  });
  view.useTheme(store.state.dark);
  watchStillness();
  queue.resume();
  await openShared(api, view.sharedId());

  function onDone(job, report) {
    store.update({ said: text.said.done(job.name, job.found) });
    if (store.state.open === job.id) void openResult(api, report.id, job, report);
  }
}

/** Say whether something moves, so that masks are drafted meanwhile. */
function watchStillness() {
  let timer = 0;
  let before = store.state;
  store.subscribe((state) => {
    const moves = state.view !== before.view || state.viewport !== before.viewport;
    before = state;
    if (!moves) return;
    clearTimeout(timer);
    timer = setTimeout(() => store.update({ isStill: true }), STILL_AFTER_MS);
    if (state.isStill) store.update({ isStill: false });
  });
}

/** Show the result that the address names, if it names one that is not shown. */
async function openShared(api, id) {
  if (!id || store.state.result?.id === id) return;
  const job = store.state.jobs.find((each) => each.detection === id);
  store.update({ open: job?.id ?? null });
  await openResult(api, id, job);
}

/** `job`: the photograph in this browser's queue, where the result is not another's. */
async function openResult(api, id, job, report = null) {
  const { open } = store.state;
  const isWanted = () => store.state.open === open;
  store.update({ opening: true, result: null, broken: null });
  try {
    const result = await loadResult(api, report ?? (await api.readDetection(id)), job?.file);
    if (isWanted()) show(result);
  } catch (error) {
    const title = job?.name ?? text.result.shared;
    const broken = { title, detail: openingProblem(error) };
    if (isWanted()) store.update({ opening: false, broken });
  }
}

function show(result) {
  store.update({
    result,
    view: initialView(result),
    opening: false,
    raised: null,
    viewport: null,
    confirming: false,
  });
  view.showAddress(result.id);
}

function createActions(api, queue) {
  const raise = (raised) => store.state.raised !== raised && store.update({ raised });
  const gestures = createGestures(store, {
    pointed: (point) => raise(point && painter.instanceAt(point, store.state.stage)),
    clicked: (point) => raise(painter.instanceAt(point, store.state.stage)),
  });

  const tell = (notice) => {
    store.update({ notice, said: notice });
    setTimeout(() => store.state.notice === notice && store.update({ notice: null }), NOTICE_MS);
  };
  const downloads = () => {
    const { result, view: look } = store.state;
    return createDownloads(result, sceneOf(store.state).visible, look.maskThreshold);
  };
  const save = async (making) => {
    const { name, blob } = await making;
    view.saveFile(blob, name);
    tell(text.said.saved(name));
  };
  const copy = async (value) => {
    tell(await view.copyText(value).then(() => text.said.copied, () => text.said.copyFailed));
  };
  const close = () => {
    store.update({ open: null, result: null, broken: null, opening: false });
    view.showAddress(null);
  };

  return {
    ...gestures,
    raise,
    drawPhoto: (canvas, scene) => drawPhoto(canvas, store.state.result.photo, scene),
    drawMasks: painter.drawMasks,
    drawThumbnail(canvas, instance) {
      drawThumbnail(canvas, store.state.result, instance);
    },

    add(files) {
      if (files.length === 0) return;
      close();
      store.update({ said: text.said.added(files.length) });
      void queue.add(files);
    },

    async addSample(name) {
      const blob = await api.readFile(`samples/${name}.jpg`);
      this.add([new File([blob], `${name}.jpg`, { type: "image/jpeg" })]);
    },

    open(id) {
      const job = store.state.jobs.find((each) => each.id === id);
      close();
      store.update({ open: id });
      if (job.state === "succeeded") void openResult(api, job.detection, job);
    },

    home(event) {
      event.preventDefault();
      close();
    },

    cancel: queue.cancel,
    retry: (id) => queue.retry(id),
    forget(id) {
      if (store.state.open === id) close();
      void queue.forget(id);
    },

    look: (change) => store.update((state) => ({ view: { ...state.view, ...change } })),
    resetView: () => store.update(({ result, view: look }) => ({ view: { ...initialView(result), mode: look.mode } })),
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
      const { result, stage, viewport } = store.state;
      const { box } = result.instances.find((each) => each.index === index);
      store.update({ raised: index, viewport: viewport ? null : zoomOnto(box, result.frame, stage) });
    },

    saveMask: (instance) => save(downloads().mask(instance)),
    saveCutout: (instance) => save(downloads().cutout(instance)),
    saveZip: () => save(downloads().all()),
    saveLabels: () => save(downloads().labels()),
    saveCoco: () => save(downloads().coco()),
    copyJson: () => copy(JSON.stringify(store.state.result.manifest, null, 2)),
    copyCurl() {
      const { result, view: look } = store.state;
      void copy(curlCommand(api.url("api/detect"), result.name, look));
    },
    copyLink: () => copy(view.addressOf(store.state.result.id)),

    confirm: (confirming) => store.update({ confirming }),
    async remove() {
      const { result, open } = store.state;
      try {
        const job = store.state.jobs.find((each) => each.id === open);
        await api.deleteDetection(result.id, job?.secret);
      } catch (error) {
        if (error.status !== 404) {
          tell(openingProblem(error));
          return;
        }
      }
      close();
      if (open) await queue.forget(open);
      tell(text.said.deleted(result.name));
    },

    closeNotice: () => store.update({ notice: null }),
    toggleTheme() {
      store.update(({ dark }) => ({ dark: !dark }));
      view.useTheme(store.state.dark, true);
    },
  };
}

await start();
