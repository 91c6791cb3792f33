import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError } from "../../site/js/api.js";
import { isTransient, pauseBefore, withRetries } from "../../site/js/retry.js";

Object.defineProperty(globalThis, "navigator", { value: { onLine: true }, configurable: true });

test("pauses grow, are cut by chance, and end at half a minute", () => {
  const longest = [1, 2, 3, 6, 20].map((attempt) => pauseBefore(attempt, 0, () => 0));
  assert.deepEqual(longest, [1000, 2000, 4000, 30_000, 30_000]);
  assert.equal(pauseBefore(3, 0, () => 1), 2000);
});

test("the service's Retry-After is the shortest pause", () => {
  assert.equal(pauseBefore(1, 7, () => 0.5), 7000);
  assert.equal(pauseBefore(5, 2, () => 0), 16_000);
});

test("what the service refuses is not tried again", async () => {
  for (const status of [400, 403, 404, 413, 422, 501]) {
    const error = new ApiError("urn:x", "no", status);
    assert.equal(isTransient(error), false);
    let tries = 0;
    await assert.rejects(withRetries(async () => { tries += 1; throw error; }), error);
    assert.equal(tries, 1);
  }
});

test("what is the service's trouble is tried again, with a word to who waits", async () => {
  const heard = [];
  let tries = 0;
  const action = async () => {
    tries += 1;
    if (tries === 1) throw new ApiError("answer", "", 503);
    return "done";
  };
  assert.equal(await withRetries(action, { onWait: (waiting) => heard.push(waiting?.seconds ?? null) }), "done");
  assert.deepEqual(heard, [1, null]);
});

test("patience has an end, and says what the trouble was", async () => {
  const error = new ApiError("network", "gone");
  await assert.rejects(withRetries(async () => { throw error; }, { patience: 400 }), error);
});

test("an abort ends the wait", async () => {
  const abort = new AbortController();
  const waiting = withRetries(async () => { throw new ApiError("network", "gone"); }, { signal: abort.signal });
  setTimeout(() => abort.abort(new Error("stopped")), 20);
  await assert.rejects(waiting, /stopped/);
});
