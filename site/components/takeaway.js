import { h } from "../js/html.js";
import { text } from "../js/strings.js";
import { icon } from "./icon.js";

/** Everything that can be taken along, and the way to leave nothing behind. */
export function takeaway(state, actions) {
  return h(
    "section",
    { class: "panel takeaway", "aria-labelledby": "take-title" },
    h("h2", { id: "take-title", class: "takeaway-title" }, text.take.title),
    h(
      "div",
      { class: "takeaway-ways" },
      action("download", text.take.zip, actions.saveZip, "primary"),
      action("download", text.take.overlay, actions.saveOverlay),
      action("download", text.take.together, actions.saveTogether),
      action("download", text.take.labels, actions.saveLabels),
      action("download", text.take.coco, actions.saveCoco),
      action("copy", text.take.json, actions.copyJson),
      action("copy", text.take.curl, actions.copyCurl),
      action("link", text.take.share, actions.copyLink, "", text.take.shareHint),
    ),
    keeping(state, actions),
  );
}

function action(sign, label, onclick, look = "", title = null) {
  return h("button", { class: `button ${look}`, type: "button", title, onclick }, icon(sign), label);
}

/** Until when the service keeps it, and who can delete it. */
function keeping({ jobs, open, config }, actions) {
  const job = jobs.find((each) => each.id === open);
  if (!job) return h("p", { class: "takeaway-kept" }, text.take.shared);
  const isOurs = job.uploads?.some(({ secret }) => secret);
  if (!isOurs) return h("p", { class: "takeaway-kept" }, text.take.noSecret);
  return h(
    "p",
    { class: "takeaway-kept" },
    text.take.kept(lastDay(job.added, config.kept_days)),
    " ",
    h("button", { class: "link danger", type: "button", onclick: () => actions.askToDelete([job.id]) }, text.take.remove),
  );
}

function lastDay(added, days) {
  return days ? new Date(added + days * 24 * 3600 * 1000) : null;
}
