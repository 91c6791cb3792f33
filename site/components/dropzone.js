import { h } from "../js/html.js";
import { text } from "../js/strings.js";
import { icon } from "./icon.js";

/** Where photographs come in: dropped, pasted, chosen or taken. */
export function dropzone(state, actions) {
  return h(
    "section",
    { class: state.dragging ? "dropzone over" : "dropzone", "aria-labelledby": "drop-title" },
    h("div", { class: "dropzone-art" }, icon("image")),
    h(
      "h2",
      { id: "drop-title" },
      h("span", { class: "keyboard-only" }, state.dragging ? text.drop.over : text.drop.title),
      h("span", { class: "touch-only" }, text.drop.titleTouch),
    ),
    h(
      "p",
      { class: "dropzone-hint" },
      h("span", { class: "keyboard-only" }, text.drop.paste, " · "),
      text.drop.hint,
    ),
    h(
      "div",
      { class: "dropzone-ways" },
      fileButton("choose", "primary", text.drop.choose, "add", {}, actions),
      fileButton("camera", "camera-only", text.drop.photograph, "camera", { capture: "environment" }, actions),
    ),
  );
}

/** A compact way in beside the queue. */
export function addButton(actions) {
  return fileButton("choose", "primary", text.drop.add, "add", {}, actions);
}

function fileButton(id, look, label, sign, input, actions) {
  return h(
    "label",
    { class: `button ${look} file-button` },
    icon(sign),
    label,
    h("input", {
      id,
      type: "file",
      accept: input.capture ? "image/*" : "image/jpeg,image/png,image/webp,image/avif,image/heic,image/heif,.heic,.heif",
      multiple: !input.capture,
      ...input,
      onchange: (event) => {
        actions.add(event.target.files);
        event.target.value = "";
      },
    }),
  );
}
