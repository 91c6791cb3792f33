import { h } from "../js/html.js";
import { text } from "../js/strings.js";
import { icon } from "./icon.js";

/** Everything that can be taken along, and the way to leave nothing behind. */
export function takeaway(state, actions) {
  return h(
    "section",
    { class: "panel takeaway", "aria-labelledby": "take-title" },
    h("h2", { id: "take-title" }, text.take.title),
    h(
      "div",
      { class: "takeaway-grid" },
      action("download", text.take.zip, actions.saveZip, "primary"),
      action("download", text.take.labels, actions.saveLabels),
      action("download", text.take.coco, actions.saveCoco),
      action("copy", text.take.json, actions.copyJson),
      action("copy", text.take.curl, actions.copyCurl),
      action("link", text.take.share, actions.copyLink, "", text.take.shareHint),
    ),
    state.confirming ? confirmation(actions) : remove(actions),
  );
}

function action(sign, label, onclick, look = "", title = null) {
  return h("button", { class: `button ${look}`, type: "button", title, onclick }, icon(sign), label);
}

function remove(actions) {
  return h(
    "button",
    { key: "remove", class: "link danger", type: "button", onclick: () => actions.confirm(true) },
    text.take.remove,
  );
}

function confirmation(actions) {
  return h(
    "div",
    { key: "confirm", class: "confirm", role: "group", "aria-label": text.take.confirm },
    h("p", {}, text.take.confirm),
    h("button", { class: "button destructive", type: "button", onclick: actions.remove }, icon("trash"), text.take.confirmYes),
    h(
      "button",
      { class: "button", type: "button", takesFocus: true, onclick: () => actions.confirm(false) },
      text.take.confirmNo,
    ),
  );
}
