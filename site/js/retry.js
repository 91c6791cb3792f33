/** Requests that fail for a while: tried again with growing pauses, for minutes. */

import { ApiError } from "./api.js";

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
const PATIENCE_MS = 5 * 60_000;
// RFC 9110: request timeout, too early, too many requests; 500 to 504 are the far side's trouble.
const TRANSIENT = [408, 425, 429, 500, 502, 503, 504];

/** Whether the same request may succeed later. */
export function isTransient(error) {
  return error instanceof ApiError && (error.type === "network" || TRANSIENT.includes(error.status));
}

/**
 * The pause before try number `attempt` (1 for the first repetition), milliseconds.
 *
 * Doubled each time and shortened by up to a half at random, so that visitors who failed together
 * do not return together; never shorter than the service's Retry-After.
 *
 * @param {number} attempt
 * @param {number} [retryAfter] seconds
 */
export function pauseBefore(attempt, retryAfter = 0, random = Math.random) {
  const grown = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
  return Math.max(grown * (1 - random() / 2), retryAfter * 1000);
}

/**
 * Do `action` until it succeeds, fails for good, or has failed for `patience` milliseconds.
 *
 * `onWait` hears {seconds, error} once a second while it waits, and null when it goes on. Time
 * without a network connection does not count; the end of it ends the pause.
 *
 * @template T
 * @param {() => Promise<T>} action
 * @param {{signal?: AbortSignal, patience?: number,
 *   onWait?: (waiting: {seconds: number, error: ApiError} | null) => void}} [options]
 * @returns {Promise<T>}
 */
export async function withRetries(action, { signal, onWait = () => {}, patience = PATIENCE_MS } = {}) {
  let failedFor = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      const pause = pauseBefore(attempt, error.retryAfter);
      if (!isTransient(error) || failedFor + pause > patience) throw error;
      if (navigator.onLine) failedFor += pause;
      await countDown(pause, signal, (seconds) => onWait({ seconds, error }));
      onWait(null);
    }
  }
}

/** A device without a network waits for it, and then no longer. */
async function countDown(milliseconds, signal, tick) {
  const until = Date.now() + milliseconds;
  while (navigator.onLine && Date.now() < until) {
    const left = until - Date.now();
    tick(Math.ceil(left / 1000));
    await pause(Math.min(left, 1000), signal);
  }
  while (!navigator.onLine) {
    tick(0);
    await pause(1000, signal);
  }
}

/**
 * Wait; rejects with the signal's reason when it is aborted.
 *
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
