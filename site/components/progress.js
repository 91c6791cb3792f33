import { h } from "../js/html.js";
import { text } from "../js/strings.js";
import { icon } from "./icon.js";

const STEPS = ["uploading", "queued", "starting", "decoding", "inferring", "writing"];

/** A photograph that is on its way: its stages, as the service tells them. */
export function progress(job, state, actions) {
  const at = STEPS.indexOf(job.state);
  return h(
    "section",
    { class: "progress", "aria-labelledby": "progress-title" },
    h(
      "div",
      { class: "progress-picture" },
      job.thumbnail && h("img", { src: job.thumbnail, alt: "" }),
    ),
    h(
      "div",
      { class: "progress-words" },
      h("h1", { id: "progress-title" }, text.progress.title(job.name)),
      h("ol", { class: "steps" }, STEPS.map((name, index) => step(name, index - at, job))),
      job.waiting &&
        h(
          "p",
          { class: "progress-trouble", role: "status" },
          `${text.queue.retrying(job.waiting.seconds)}. ${job.waiting.detail}`,
        ),
      job.state === "starting" && h("p", { class: "progress-hint" }, text.progress.starting(state.config.starting_seconds)),
      h(
        "button",
        { class: "button", type: "button", onclick: () => actions.cancel(job.id) },
        icon("close"),
        text.progress.cancel,
      ),
    ),
  );
}

function step(name, distance, job) {
  const isNow = distance === 0;
  return h(
    "li",
    {
      class: `step ${isNow ? "now" : distance < 0 ? "past" : "ahead"}`,
      "aria-current": isNow ? "step" : null,
    },
    h("span", { class: "step-sign" }, distance < 0 && icon("check")),
    text.states[name],
    isNow && name === "uploading" && h("span", { class: "step-share" }, text.percent(job.progress)),
    isNow && name === "uploading" && h("progress", { max: 1, value: job.progress, "aria-label": text.states.uploading }),
  );
}
