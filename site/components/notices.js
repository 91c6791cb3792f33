import { h } from "../js/html.js";
import { text } from "../js/strings.js";
import { icon } from "./icon.js";

/** What screen readers are told, the message that passes by, and the one while offline. */
export function notices(state, actions) {
  return h(
    "div",
    { class: "notices" },
    h("p", { class: "visually-hidden", role: "status", "aria-live": "polite" }, state.said),
    !state.online && h("p", { class: "notice offline", role: "alert" }, icon("warning"), text.offline),
    state.notice &&
      h(
        "p",
        { class: "notice passing" },
        state.notice,
        h(
          "button",
          { class: "button quiet round small", type: "button", "aria-label": text.problems.closeNotice, onclick: actions.closeNotice },
          icon("close"),
        ),
      ),
  );
}
