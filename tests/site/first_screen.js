/**
 * The first screen as HTML, for site/index.html: what is seen before any script has been loaded.
 *
 * node tests/site/first_screen.js writes it anew; first_screen.test.js fails where it is stale.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

import { page } from "../../site/components/page.js";

const INDEX = new URL("../../site/index.html", import.meta.url);
const SITE = new URL("../../site/", import.meta.url);
// What of the page is there before its script: nothing is known, nothing is added.
const STATE = {
  config: null, docsUrl: "docs", classes: null, jobs: [], open: null, opening: false, result: null,
  broken: null, confirming: null, dragging: false, notice: null, said: "", online: true, dark: false,
};
const EMPTY_ELEMENTS = ["img", "input"];

/** The root element's content, as markup. */
export function firstScreen() {
  return markup(page(STATE, null, {}), 3);
}

/** Every script and style sheet that the page loads, as its paths relative to site/. */
export function scripts(entry = "js/main.js", seen = new Set()) {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  const source = readFileSync(new URL(entry, SITE), "utf8");
  for (const [, path] of source.matchAll(/from "(\.[^"]+)"/g)) {
    scripts(new URL(path, new URL(entry, SITE)).href.slice(SITE.href.length), seen);
  }
  return seen;
}

export function indexWith(screen) {
  const html = readFileSync(INDEX, "utf8");
  const preloads = [...scripts()].map((path) => `    <link rel="modulepreload" fetchpriority="low" href="${path}">\n`);
  return html
    .replace(/(<div id="root">\n)[\s\S]*?( {4}<\/div><!-- root -->)/, (_, before, after) => `${before}${screen}${after}`)
    .replace(/( {4}<link rel="modulepreload"[^>]*>\n)+/, preloads.join(""));
}

function markup(node, depth) {
  const indent = "  ".repeat(depth);
  if (typeof node === "string") return `${indent}${escaped(node)}\n`;
  const { tag, props, children } = node;
  const attributes = Object.entries(props).map(attribute).join("");
  const opened = `${indent}<${tag}${attributes}>`;
  if (EMPTY_ELEMENTS.includes(tag)) return `${opened}\n`;
  if (children.length === 0) return `${opened}</${tag}>\n`;
  if (children.every((each) => typeof each === "string")) return `${opened}${escaped(children.join(""))}</${tag}>\n`;
  return `${opened}\n${children.map((each) => markup(each, depth + 1)).join("")}${indent}</${tag}>\n`;
}

function attribute([name, value]) {
  const isLeftOut = value === null || value === undefined || value === false;
  if (isLeftOut || name.startsWith("on") || ["key", "data-drawn"].includes(name)) return "";
  return value === true ? ` ${name}` : ` ${name}="${escaped(String(value))}"`;
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(INDEX, indexWith(firstScreen()));
