import { h } from "../js/html.js";
import { text } from "../js/strings.js";
import { icon } from "./icon.js";

/** The name of the product, and the switch between dark and light. */
export function header(state, actions) {
  return h(
    "header",
    { class: "header" },
    h("a", { class: "header-name", href: "./", onclick: actions.home }, mark(), text.product),
    h(
      "button",
      {
        class: "button quiet round",
        type: "button",
        "aria-label": text.theme(state.dark),
        title: text.theme(state.dark),
        onclick: actions.toggleTheme,
      },
      icon(state.dark ? "sun" : "moon"),
    ),
  );
}

function mark() {
  return h(
    "svg",
    { class: "header-mark", viewBox: "0 0 32 32", "aria-hidden": "true" },
    h("path", { class: "mark-drop", d: "M16 3c6 7 10 12 10 16a10 10 0 0 1-20 0c0-4 4-9 10-16z" }),
    h("path", { class: "mark-mask", d: "M16 3c6 7 10 12 10 16a10 10 0 0 1-10 10z" }),
  );
}
