import { h } from "../js/html.js";
import { text } from "../js/strings.js";

// Not the coffee: the embedded model knows no cups.
const SAMPLES = ["chelsea", "astronaut"];

/** Photographs for whoever has none at hand. */
export function samples(actions) {
  return h(
    "section",
    { class: "samples", "aria-labelledby": "samples-title" },
    h("h2", { id: "samples-title", class: "samples-title" }, text.samples.title),
    h("div", { class: "samples-row" }, SAMPLES.map((name) => sample(name, actions))),
    h("p", { class: "samples-credits" }, text.samples.credits),
  );
}

function sample(name, actions) {
  const title = text.samples.names[name];
  return h(
    "button",
    {
      class: "sample",
      type: "button",
      "aria-label": text.samples.try(title),
      onclick: () => actions.addSample(name),
    },
    h("img", { src: `samples/small/${name}.jpg`, alt: "", width: 150, height: 100 }),
    h("span", {}, title),
  );
}
