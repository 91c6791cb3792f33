import { h } from "../js/html.js";
import { text } from "../js/strings.js";

/** Sliders and class chips; all of them act at once, on what the manifest carries. */
export function controls({ view, result }, classes, actions) {
  return h(
    "section",
    { class: "panel controls", "aria-labelledby": "controls-title" },
    h(
      "div",
      { class: "panel-head" },
      h("h2", { id: "controls-title" }, text.controls.title),
      h("button", { class: "link", type: "button", onclick: actions.resetView }, text.controls.reset),
    ),
    slider({
      id: "score",
      label: text.controls.score,
      shown: text.percent(view.scoreThreshold),
      range: { min: result.lowestScore, max: 1, step: 0.01 },
      value: view.scoreThreshold,
      oninput: (scoreThreshold) => actions.look({ scoreThreshold }),
    }),
    slider({
      id: "mask-threshold",
      label: text.controls.mask,
      hint: text.controls.maskHint,
      shown: view.maskThreshold.toFixed(2),
      range: { min: 0.05, max: 0.95, step: 0.01 },
      value: view.maskThreshold,
      oninput: (maskThreshold) => actions.look({ maskThreshold }),
    }),
    result.detected.edges === "refined" && edgesSwitch(view, actions),
    classes.length > 0 &&
      h(
        "div",
        { class: "chips", role: "group", "aria-label": text.controls.classes },
        classes.map(([name, count]) => chip(name, count, !view.hiddenClasses.includes(name), actions)),
      ),
  );
}

function slider({ id, label, hint = "", shown, range, value, oninput }) {
  return h(
    "div",
    { class: "slider" },
    h("label", { for: id }, label),
    h("output", { for: id }, shown),
    h("input", {
      id,
      type: "range",
      ...range,
      value: String(value),
      "aria-describedby": hint ? `${id}-hint` : null,
      oninput: (event) => oninput(Number(event.target.value)),
    }),
    hint && h("p", { id: `${id}-hint`, class: "slider-hint" }, hint),
  );
}

/** Where the service refined the masks, the network's own are in the manifest too. */
function edgesSwitch({ edges }, actions) {
  const isOn = edges === "refined";
  return h(
    "div",
    { class: "chips", role: "group", "aria-label": text.controls.edges },
    h(
      "button",
      {
        id: "edges",
        class: "chip",
        type: "button",
        "aria-pressed": String(isOn),
        title: text.controls.edgesHint,
        onclick: () => actions.look({ edges: isOn ? "plain" : "refined" }),
      },
      text.controls.refined,
    ),
  );
}

function chip(name, count, isOn, actions) {
  return h(
    "button",
    {
      key: name,
      class: "chip",
      type: "button",
      "aria-pressed": String(isOn),
      onclick: () => actions.toggleClass(name),
    },
    name,
    h("span", { class: "chip-count" }, count),
  );
}
