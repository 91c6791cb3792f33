import { h } from "../js/html.js";
import { BUSY } from "../js/queue.js";
import { text } from "../js/strings.js";
import { knownClasses } from "./classes.js";
import { deletion } from "./deletion.js";
import { dropzone } from "./dropzone.js";
import { header } from "./header.js";
import { notices } from "./notices.js";
import { problem } from "./problem.js";
import { progress } from "./progress.js";
import { result } from "./result.js";
import { samples } from "./samples.js";
import { strip } from "./strip.js";

/** The whole page; which part of it is shown follows from the state. */
export function page(state, scene, actions) {
  return h(
    "div",
    { class: state.dragging ? "page dragging" : "page", "data-drawn": true },
    header(state, actions),
    h(
      "main",
      { id: "main" },
      state.jobs.length > 0 && strip(state, actions),
      content(state, scene, actions),
    ),
    h(
      "footer",
      { class: "footer" },
      h("p", {}, text.privacy(state.config?.kept_days)),
      h("p", {}, text.footer.source, " ", h("a", { href: state.docsUrl }, text.footer.api)),
    ),
    notices(state, actions),
    deletion(state, actions),
  );
}

function content(state, scene, actions) {
  if (state.broken) return problem({ ...state.broken, retry: actions.openAgain });
  if (scene) return result(state, scene, actions);
  const job = state.jobs.find((each) => each.id === state.open);
  if (job?.problem) {
    return problem({
      title: `${job.name}: ${text.states[job.state].toLowerCase()}`,
      detail: job.problem.detail,
      retry: job.state === "failed" && (() => actions.retry(job.id)),
    });
  }
  if (job && BUSY.includes(job.state)) return progress(job, state, actions);
  if (state.opening) return h("p", { class: "opening" }, text.progress.opening);
  return welcome(state, actions);
}

function welcome(state, actions) {
  return [
    h(
      "div",
      { class: "hero" },
      h("h1", {}, text.headline),
      h("p", {}, text.lede(state.classes)),
    ),
    dropzone(state, actions),
    samples(actions),
    state.classes?.length > 8 && knownClasses(state.classes),
  ];
}
