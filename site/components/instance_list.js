import { h } from "../js/html.js";
import { cssColour } from "../js/palette.js";
import { text } from "../js/strings.js";
import { classList } from "./classes.js";
import { icon } from "./icon.js";

/** Every instance that passes the filters; pointing at one, or focusing it, raises it. */
export function instanceList(state, scene, actions) {
  return h(
    "section",
    { class: "panel", "aria-labelledby": "list-title" },
    h("h2", { id: "list-title" }, text.list.title(scene.visible.length)),
    scene.visible.length === 0 ? nothing(state, actions) : rows(state, scene, actions),
  );
}

/** Why the list is empty, and what to do about it. */
function nothing({ result, classes, view }, actions) {
  const { instances } = result;
  if (instances.length === 0) return explained(text.result.none, text.result.noneHint(classes), classes && classList(classes));
  const best = Math.max(...instances.map(({ score }) => score));
  if (best >= view.scoreThreshold) return explained(text.result.filtered, text.result.filteredHint);
  return explained(
    text.result.uncertain,
    text.result.uncertainHint(instances.length, best),
    classes && [h("p", {}, text.result.noneHint(classes)), classList(classes)],
    h("button", { class: "button", type: "button", onclick: actions.showGuesses }, text.result.guesses),
  );
}

function explained(title, hint, ...more) {
  return h("div", { class: "list-empty" }, h("p", {}, h("strong", {}, title)), h("p", {}, hint), ...more);
}

function rows(state, scene, actions) {
  return h(
    "ul",
    { class: "list", onpointerleave: () => actions.raise(null) },
    scene.visible.map((each) => row(each, state, scene, actions)),
  );
}

function row(instance, { raised, result, view }, scene, actions) {
  const share = scene.share(instance);
  const { name } = instance;
  return h(
    "li",
    {
      key: instance.index,
      class: raised === instance.index ? "row raised" : "row",
      style: { "--colour": cssColour(instance.index) },
      onpointerenter: () => actions.raise(instance.index),
    },
    h(
      "button",
      {
        class: "row-main",
        type: "button",
        "aria-label": text.list.row({ name, score: instance.score, share }),
        "aria-pressed": String(raised === instance.index),
        onfocus: () => actions.raise(instance.index),
        onclick: () => actions.show(instance.index),
      },
      h("canvas", {
        class: "row-picture",
        "aria-hidden": "true",
        paint: {
          of: [result, view.maskThreshold, view.edges],
          draw: (canvas) => actions.drawThumbnail(canvas, instance),
        },
      }),
      h(
        "span",
        { class: "row-words" },
        h("span", { class: "row-name" }, name),
        h("span", { class: "row-numbers" }, text.list.numbers({ score: instance.score, share })),
      ),
    ),
    save("cutout", text.list.cutout(name), text.list.cutoutShort, () => actions.saveCutout(instance)),
    save("download", text.list.mask(name), text.list.maskShort, () => actions.saveMask(instance)),
  );
}

function save(sign, label, title, onclick) {
  return h(
    "button",
    { class: "button quiet round small", type: "button", "aria-label": label, title, onclick },
    icon(sign),
  );
}
