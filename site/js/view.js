/** Makes the described page real, and changes no more of it than has changed. */

const SVG = "http://www.w3.org/2000/svg";
// What the user changes too, so that the attribute alone would say nothing.
const LIVE = ["value", "checked"];
const THEME = "maskdrop-theme";

export function root() {
  return document.getElementById("root");
}

/**
 * Draw `describe(state)` into `root` now and, once per frame, after every change.
 *
 * @param {HTMLElement} root
 * @param {ReturnType<typeof import("./store.js").createStore>} store
 * @param {(state: any) => object} describe
 * @param {{afterwards?: () => void, onEarlyFiles?: (files: FileList) => void}} [hooks]
 */
export function mount(root, store, describe, hooks = {}) {
  const { afterwards = () => {}, onEarlyFiles = (/** @type {FileList} */ _files) => {} } = hooks;
  let drawn = true;
  const draw = () => {
    drawn = true;
    const paints = [];
    patchChildren(root, [describe(store.state)], paints);
    for (const paint of paints) paint();
    afterwards();
  };
  // The first screen was there as HTML; what was chosen in it meanwhile is not lost.
  const chooser = /** @type {HTMLInputElement} */ (root.querySelector("#choose"));
  const early = chooser?.files;
  root.replaceChildren();
  draw();
  if (early?.length) onEarlyFiles(early);
  return store.subscribe(() => {
    if (drawn) requestAnimationFrame(draw);
    drawn = false;
  });
}

/** Tell `heard` the size of the element that matches, now and whenever it changes. */
export function watchSize(root, selector, heard) {
  const observer = new ResizeObserver(([{ contentRect }]) => {
    heard({ width: Math.round(contentRect.width), height: Math.round(contentRect.height) });
  });
  let watched = null;
  return () => {
    const found = root.querySelector(selector);
    if (found === watched) return;
    if (watched) observer.unobserve(watched);
    if (found) observer.observe(found);
    watched = found;
  };
}

/** Hear what happens to the page as a whole. */
export function listen({ files, dragging, wheel, online, navigated, key }) {
  const has = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!has(event)) return;
    event.preventDefault();
    dragging(true);
  });
  addEventListener("dragleave", (event) => event.relatedTarget === null && dragging(false));
  addEventListener("drop", (event) => {
    if (!has(event)) return;
    event.preventDefault();
    dragging(false);
    files(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => files(event.clipboardData.files));
  // Passive listeners, as `onwheel` makes them, could not keep the page from scrolling.
  const onWheel = (event) => {
    const stage = event.target.closest("#stage");
    if (stage) wheel(event, stage);
  };
  addEventListener("wheel", onWheel, { passive: false });
  addEventListener("online", () => online(true));
  addEventListener("offline", () => online(false));
  addEventListener("popstate", navigated);
  addEventListener("keydown", (event) => isForPage(event) && key(event));
}

/** Whether nothing that has the focus wants the key for itself. */
function isForPage(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return false;
  return !event.target.closest?.("input, select, textarea, dialog, #stage.zoomed");
}

/** What boot.js found: the visitor's choice, or the system's. */
export function prefersDark() {
  return document.documentElement.dataset.theme === "dark";
}

export function useTheme(dark, isChosen = false) {
  const theme = dark ? "dark" : "light";
  document.documentElement.dataset.theme = theme;
  if (!isChosen) return;
  try {
    localStorage.setItem(THEME, theme);
  } catch {
    // Where nothing may be stored, the choice lasts as long as the page.
  }
}

/**
 * What the address names: {result}, a result's id, as `#/r/{id}`; {job}, a photograph in this
 * browser's queue, as `#/p/{id}`; or nothing, the first screen.
 */
export function currentPlace() {
  const [, kind, id] = location.hash.match(/^#\/([rp])\/([a-z0-9]+)$/) ?? [];
  return kind === "r" ? { result: id } : kind === "p" ? { job: id } : {};
}

/** @param {{result?: string, job?: string}} place */
export function addressOf({ result, job }) {
  const hash = result ? `#/r/${result}` : job ? `#/p/${job}` : location.pathname;
  return new URL(hash, location.href).href;
}

/** Show a place in the address bar: a new entry of the history, or instead of the current one. */
export function showPlace(place, { instead = false } = {}) {
  const address = addressOf(place);
  if (address === location.href) return;
  if (instead) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
}

export function showTitle(title) {
  if (document.title !== title) document.title = title;
}

/** Scroll to an element that is out of sight. */
export function bringIntoSight(selector) {
  document.querySelector(selector)?.scrollIntoView({ block: "nearest" });
}

export function saveFile(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Not before the browser has read it; it reads large files for a while.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Rejects where the browser does not allow it. Pages on plain http have no clipboard. */
export async function copyText(value) {
  if (navigator.clipboard) return navigator.clipboard.writeText(value);
  const area = document.createElement("textarea");
  area.value = value;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (!isCopied) throw new Error("The browser does not allow copying.");
}

function patchChildren(parent, children, paints) {
  const keyed = new Map();
  for (const node of parent.childNodes) {
    const key = node.described?.props?.key;
    if (key !== undefined) keyed.set(key, node);
  }
  let at = parent.firstChild;
  for (const child of children) {
    const node = reused(child, keyed, at) ?? created(child, parent);
    update(node, child, paints);
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** The node that stands for `child` already, if there is one. */
function reused(child, keyed, at) {
  const key = child.props?.key;
  const candidate = key === undefined ? at : keyed.get(key);
  const before = candidate?.described;
  if (before === undefined || before.props?.key !== key) return null;
  return before.tag === child.tag ? candidate : null;
}

function created(child, parent) {
  if (typeof child === "string") return document.createTextNode("");
  const isSvg = child.tag === "svg" || parent.namespaceURI === SVG;
  return isSvg ? document.createElementNS(SVG, child.tag) : document.createElement(child.tag);
}

function update(node, child, paints) {
  const before = node.described;
  node.described = child;
  if (before === child) return;
  if (typeof child === "string") {
    if (node.data !== child) node.data = child;
    return;
  }
  const known = before?.props ?? {};
  for (const name in known) if (!(name in child.props)) setProp(node, name, null);
  for (const [name, value] of Object.entries(child.props)) {
    if (name === "paint") {
      if (!same(known.paint?.of, value.of)) paints.push(() => value.draw(node));
    } else if (name === "reveal") {
      if (value && !known.reveal) paints.push(() => node.scrollIntoView({ block: "nearest" }));
    } else if (name === "modal") {
      if (!node.open) paints.push(() => node.showModal());
    } else if (name === "takesFocus") {
      if (value && !known.takesFocus) paints.push(() => takeFocus(node));
    } else if (LIVE.includes(name)) {
      if (node[name] !== value) node[name] = value;
    } else if (known[name] !== value) {
      setProp(node, name, value);
    }
  }
  patchChildren(node, child.children, paints);
}

function takeFocus(node) {
  if (document.activeElement === document.body) node.focus({ preventScroll: true });
}

function setProp(node, name, value) {
  if (name === "key") return;
  if (name.startsWith("on")) {
    node[name] = value;
  } else if (name === "style") {
    for (const [property, each] of Object.entries(value ?? {})) node.style.setProperty(property, each);
  } else if (value === null || value === undefined || value === false) {
    node.removeAttribute(name);
  } else {
    node.setAttribute(name, value === true ? "" : value);
  }
}

function same(before, after) {
  return before?.length === after.length && before.every((value, i) => Object.is(value, after[i]));
}
