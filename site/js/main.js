/** Wires the page: state in the store, actions that change it, components that describe it. */

import { page } from "../components/page.js";
import { createActions } from "./actions.js";
import { createApi, loadConfig } from "./api.js";
import { createNavigation, titleOf } from "./navigation.js";
import { createQueue } from "./queue.js";
import { withRetries } from "./retry.js";
import { isZoomed, sceneOf } from "./scene.js";
import { openShelf } from "./shelf.js";
import { createStore } from "./store.js";
import { text } from "./strings.js";
import { openTabs } from "./tabs.js";
import * as view from "./view.js";

// After the last move of a slider, or of the photograph.
const STILL_AFTER_MS = 150;
const CONFIG_PATIENCE_MS = 10_000;

const store = createStore({
  config: null,
  docsUrl: "docs",
  classes: null,
  jobs: [],
  open: null,
  shared: null,
  opening: false,
  result: null,
  broken: null,
  view: null,
  raised: null,
  viewport: null,
  stage: { width: 1, height: 1 },
  pixelRatio: devicePixelRatio,
  isStill: true,
  confirming: null,
  packing: null,
  dragging: false,
  notice: null,
  said: "",
  online: navigator.onLine,
  dark: view.prefersDark(),
});

async function start() {
  const [config, shelf] = await Promise.all([readConfig(), openShelf()]);
  if (!config) return;
  const api = createApi(config);
  const navigation = createNavigation(store, api);
  const queue = createQueue({ store, api, shelf, tabs: openTabs(), limits: config.limits, onDone, onFailed });
  const actions = createActions({ store, api, queue, navigation });
  const kept = await shelf.all().catch(() => []);
  store.update({ config, docsUrl: api.url("docs").href, jobs: kept.sort((a, b) => a.added - b.added) });
  const watch = view.watchSize(view.root(), "#stage", (stage) => store.update({ stage, viewport: null }));
  view.mount(view.root(), store, describe, {
    afterwards() {
      watch();
      view.showTitle(titleOf(store.state));
    },
    onEarlyFiles: actions.add,
  });
  view.listen({
    files: actions.add,
    dragging: (dragging) => store.state.dragging !== dragging && store.update({ dragging }),
    wheel: actions.stageWheel,
    online: (online) => store.update({ online }),
    navigated: () => void navigation.follow(),
    key: actions.key,
  });
  view.useTheme(store.state.dark);
  watchStillness();
  queue.resume();
  void readClasses(api);
  await navigation.follow();

  function describe(state) {
    const scene = sceneOf(state);
    return page({ ...state, zoomed: scene !== null && isZoomed(state) }, scene, actions);
  }

  function onDone(job, report) {
    store.update({ said: text.said.done(job.name, job.found) });
    navigation.finished(job, report);
  }

  function onFailed(job) {
    store.update({ said: text.said.failed(job.name, job.problem.detail) });
  }
}

/** The site's settings; without them, the page says so and answers null. */
async function readConfig() {
  try {
    return await withRetries(loadConfig, { patience: CONFIG_PATIENCE_MS });
  } catch {
    const broken = { title: text.product, detail: text.problems.config };
    store.update({ broken });
    view.mount(view.root(), store, (state) => page(state, null, { openAgain: () => location.reload() }));
    return null;
  }
}

/** What the model knows, for the first screen and for photographs with nothing of it. */
async function readClasses(api) {
  try {
    store.update({ classes: await withRetries(() => api.readClasses()) });
  } catch {
    // The page works without; it then names no classes.
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

await start();
