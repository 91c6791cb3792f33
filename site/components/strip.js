import { h } from "../js/html.js";
import { BUSY } from "../js/queue.js";
import { text } from "../js/strings.js";
import { addButton } from "./dropzone.js";
import { icon } from "./icon.js";

/** The queue as a strip of cards: one photograph each, with what it is doing. */
export function strip(state, actions) {
  return h(
    "nav",
    { class: "strip", "aria-label": text.queue.title },
    addButton(actions),
    h("ul", { class: "strip-cards" }, state.jobs.map((job) => card(job, job.id === state.open, actions))),
  );
}

function card(job, isOpen, actions) {
  return h(
    "li",
    { key: job.id, class: `card is-${job.state}${isOpen ? " open" : ""}`, reveal: isOpen },
    h(
      "button",
      {
        class: "card-main",
        type: "button",
        "aria-label": text.queue.open(job.name),
        "aria-current": isOpen ? "true" : null,
        onclick: () => actions.open(job.id),
      },
      job.thumbnail
        ? h("img", { class: "card-picture", src: job.thumbnail, alt: "" })
        : h("span", { class: "card-picture blank" }, icon(job.problem ? "warning" : "image")),
      h(
        "span",
        { class: "card-words" },
        h("span", { class: "card-name" }, job.name),
        h("span", { class: "card-state" }, stateText(job)),
      ),
    ),
    control(job, actions),
    job.state === "uploading" && h("progress", { class: "card-bar", max: 1, value: job.progress, "aria-label": text.states.uploading }),
  );
}

function stateText(job) {
  if (job.state === "uploading") return `${text.states.uploading} ${text.percent(job.progress)}`;
  if (job.state === "succeeded") return text.list.title(job.found);
  return text.states[job.state];
}

function control(job, actions) {
  if (BUSY.includes(job.state)) {
    return iconButton("close", text.queue.cancel(job.name), () => actions.cancel(job.id));
  }
  return [
    ["failed", "cancelled"].includes(job.state) &&
      iconButton("retry", text.queue.retryNamed(job.name), () => actions.retry(job.id)),
    iconButton("close", text.queue.forget(job.name), () => actions.forget(job.id)),
  ];
}

function iconButton(sign, label, onclick) {
  return h(
    "button",
    { class: "button quiet round small", type: "button", "aria-label": label, title: label, onclick },
    icon(sign),
  );
}
