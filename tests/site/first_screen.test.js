import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { firstScreen, indexWith } from "./first_screen.js";

const index = readFileSync(new URL("../../site/index.html", import.meta.url), "utf8");

test("index.html holds the first screen as the page draws it, and preloads every script", () => {
  assert.equal(index, indexWith(firstScreen()), "write it anew: node tests/site/first_screen.js");
});
