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
    h(
      "div",
      { class: "strip-row" },
      addButton(actions),
      h("ul", { class: "strip-cards" }, state.jobs.map((job) => card(job, job.id === state.open, actions))),
    ),
    state.jobs.length > 1 && overall(state, actions),
  );
}

/** How far all of them are, and what can be done with all of them. */
function overall({ jobs, packing }, actions) {
  const count = (...states) => jobs.filter((each) => states.includes(each.state)).length;
  const [done, failed] = [count("succeeded"), count("failed")];
  const isBusy = count(...BUSY) > 0;
  return h(
    "div",
    { class: "strip-overall" },
    h("span", { class: "strip-summary" }, text.queue.summary({ total: jobs.length, done, failed })),
    isBusy && h("progress", { max: jobs.length, value: jobs.length - count(...BUSY), "aria-label": text.queue.progress }),
    h(
      "span",
      { class: "strip-actions" },
      failed > 0 && h("button", { class: "link", type: "button", onclick: actions.retryAll }, text.queue.retryAll(failed)),
      done > 0 &&
        h(
          "button",
          { class: "link", type: "button", disabled: packing !== null, onclick: actions.saveAllPhotos },
          packing === null ? text.queue.saveAll : text.queue.packing(packing),
        ),
      h(
        "button",
        { class: "link danger", type: "button", onclick: () => actions.askToDelete(jobs.map(({ id }) => id)) },
        text.queue.deleteAll,
      ),
    ),
  );
}

function card(job, isOpen, actions) {
  return h(
    "li",
    { key: job.id, class: `card is-${job.state}${job.waiting ? " is-retrying" : ""}${isOpen ? " open" : ""}`, reveal: isOpen },
    h(
      "button",
      {
        class: "card-main",
        type: "button",
        title: job.name,
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
        job.problem && h("span", { class: "visually-hidden" }, job.problem.detail),
      ),
    ),
    control(job, actions),
    job.state === "uploading" && h("progress", { class: "card-bar", max: 1, value: job.progress, "aria-label": text.states.uploading }),
  );
}

function stateText(job) {
  if (job.waiting) return text.queue.retrying(job.waiting.seconds);
  if (job.state === "uploading") return `${text.states.uploading} ${text.percent(job.progress)}`;
  if (job.state === "succeeded") return text.list.title(job.found);
  return text.states[job.state];
}

function control(job, actions) {
  if (job.state === "deleting") return null;
  if (BUSY.includes(job.state)) {
    return iconButton("close", text.queue.cancel(job.name), () => actions.cancel(job.id));
  }
  return [
    ["failed", "cancelled"].includes(job.state) &&
      iconButton("retry", text.queue.retryNamed(job.name), () => actions.retry(job.id)),
    iconButton("trash", text.queue.forget(job.name), () => actions.askToDelete([job.id])),
  ];
}

function iconButton(sign, label, onclick) {
  return h(
    "button",
    { class: "button quiet round small", type: "button", "aria-label": label, title: label, onclick },
    icon(sign),
  );
}
