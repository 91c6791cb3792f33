import { h } from "../js/html.js";
import { text } from "../js/strings.js";
import { controls } from "./controls.js";
import { icon } from "./icon.js";
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
      h(
        "div",
        { class: "result-head" },
        h("h1", { id: "result-title", class: "result-title", tabindex: -1, takesFocus: true }, text.result.title(name)),
        state.jobs.length > 1 && state.open && beside(state, actions),
      ),
      stage(state, scene, actions),
      takeaway(state, actions),
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
    ),
  );
}

/** To the photographs before and after this one. */
function beside({ jobs, open }, actions) {
  const at = jobs.findIndex((each) => each.id === open);
  return h(
    "span",
    { class: "result-beside" },
    h("span", {}, `${at + 1} / ${jobs.length}`),
    stepButton("previous", text.queue.previous, actions.previous, at === 0),
    stepButton("next", text.queue.next, actions.next, at === jobs.length - 1),
  );
}

function stepButton(sign, label, onclick, isDisabled) {
  return h(
    "button",
    { class: "button quiet round small", type: "button", "aria-label": label, title: label, disabled: isDisabled, onclick },
    icon(sign),
  );
}
