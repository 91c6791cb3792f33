import { h } from "../js/html.js";
import { text } from "../js/strings.js";

/** The names of what the model finds. */
export function classList(classes) {
  return h("ul", { class: "classes" }, classes.map((name) => h("li", { key: name }, name)));
}

/** The same, folded up where they are many. */
export function knownClasses(classes) {
  return h("details", { class: "known" }, h("summary", {}, text.classes(classes.length)), classList(classes));
}
