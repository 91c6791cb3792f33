import { h } from "../js/html.js";
import { text } from "../js/strings.js";
import { icon } from "./icon.js";

/** A photograph, or a shared result, that cannot be shown, and why. */
export function problem({ title, detail, retry }) {
  return h(
    "section",
    { class: "problem", role: "alert" },
    h("span", { class: "problem-sign" }, icon("warning")),
    h("h1", {}, title),
    h("p", {}, detail),
    retry && h("button", { class: "button primary", type: "button", onclick: retry }, icon("retry"), text.queue.retry),
  );
}
