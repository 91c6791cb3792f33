import { h } from "../js/html.js";
import { text } from "../js/strings.js";
import { controls } from "./controls.js";
import { instanceList } from "./instance_list.js";
import { stage } from "./stage.js";
import { takeaway } from "./takeaway.js";

/** A photograph whose masks are there. */
export function result(state, scene, actions) {
  const { manifest, name } = state.result;
  const { receipt, model } = manifest;
  return h(
    "section",
    { class: "result", "aria-labelledby": "result-title" },
    h(
      "div",
      { class: "result-main" },
      h("h1", { id: "result-title", class: "result-title", tabindex: -1, takesFocus: true }, text.result.title(name)),
      stage(state, scene, actions),
      h(
        "p",
        { class: "result-facts" },
        h("span", {}, text.result.timing(receipt.milliseconds.inferring ?? 0, receipt.cold)),
        receipt.cost ? h("span", {}, text.result.cost(receipt.cost)) : null,
        h("span", {}, text.result.model(model)),
      ),
    ),
    h(
      "div",
      { class: "result-side" },
      controls(state, scene.classes, actions),
      instanceList(state, scene, actions),
      takeaway(state, actions),
    ),
  );
}
