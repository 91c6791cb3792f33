/** Makes the described page real, and changes no more of it than has changed. */

const SVG = "http://www.w3.org/2000/svg";
// What the user changes too, so that the attribute alone would say nothing.
const LIVE = ["value", "checked"];
const THEME = "maskdrop-theme";

export function root() {
  return document.getElementById("root");
}

/** Draw `describe(state)` into `root` now and, once per frame, after every change. */
export function mount(root, store, describe, afterwards = () => {}) {
  let drawn = true;
  const draw = () => {
    drawn = true;
    const paints = [];
    patchChildren(root, [describe(store.state)], paints);
    for (const paint of paints) paint();
    afterwards();
  };
  draw();
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
export function listen({ files, dragging, wheel, online, navigated }) {
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
  addEventListener("hashchange", navigated);
}

export function prefersDark() {
  const chosen = localStorage.getItem(THEME);
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

export function useTheme(dark, isChosen = false) {
  const theme = dark ? "dark" : "light";
  document.documentElement.dataset.theme = theme;
  if (isChosen) localStorage.setItem(THEME, theme);
}

/** The result that the address names, as `#/r/{id}`. */
export function sharedId() {
  return location.hash.match(/^#\/r\/([a-z2-7]+)$/)?.[1] ?? null;
}

export function addressOf(id) {
  return new URL(id ? `#/r/${id}` : location.pathname, location.href).href;
}

export function showAddress(id) {
  history.replaceState(null, "", addressOf(id));
}

export function saveFile(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Not before the browser has read it; it reads large files for a while.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export function copyText(value) {
  return navigator.clipboard.writeText(value);
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
