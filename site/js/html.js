/**
 * Describe the page as plain objects; view.js makes them real.
 *
 * Props: attributes by their names; `on…` are listeners; `key` tells siblings apart;
 * `style` is an object of custom properties; `paint: {of, draw}` draws on a canvas whenever
 * one of the values `of` has changed;
 * `reveal` scrolls an element into sight and `takesFocus` gives it the focus, where what had
 * the focus is gone, when it becomes true; `modal` opens a dialog over the page.
 */
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, children: children.flat(Infinity).filter(isShown).map(asChild) };
}

function isShown(child) {
  return child !== null && child !== undefined && child !== false && child !== "";
}

function asChild(child) {
  return typeof child === "object" ? child : String(child);
}
