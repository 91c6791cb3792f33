import { h } from "../js/html.js";
import { text } from "../js/strings.js";
import { icon } from "./icon.js";

/** The question before photographs are deleted; Escape keeps them. */
export function deletion({ confirming, jobs }, actions) {
  if (!confirming) return null;
  const chosen = jobs.filter((each) => confirming.includes(each.id));
  return h(
    "dialog",
    {
      key: "deletion",
      class: "deletion",
      modal: true,
      "aria-labelledby": "deletion-title",
      "aria-describedby": "deletion-detail",
      oncancel: actions.keep,
      onclose: actions.keep,
    },
    h("h2", { id: "deletion-title" }, text.deletion.title(chosen)),
    h("p", { id: "deletion-detail" }, text.deletion.detail(chosen)),
    h(
      "div",
      { class: "deletion-answers" },
      h("button", { class: "button", type: "button", autofocus: true, onclick: actions.keep }, text.deletion.no),
      h("button", { class: "button destructive", type: "button", onclick: actions.remove }, icon("trash"), text.deletion.yes),
    ),
  );
}
