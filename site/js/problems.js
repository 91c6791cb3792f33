/** Failed requests, in words for people. */

import { ApiError } from "./api.js";
import { isTransient } from "./retry.js";
import { text } from "./strings.js";

/** What a job keeps of an error. */
export function problemOf(error) {
  if (!(error instanceof ApiError)) return { type: "page", detail: text.problems.unexpected };
  return { type: error.type, detail: detailOf(error), isTransient: isTransient(error) };
}

/** Why a request failed, for people. */
export function detailOf({ type, status, message }) {
  if (type === "network") return text.problems.network(navigator.onLine);
  if (type === "upload") return text.problems.upload(status);
  if (status === 429) return text.problems.busy;
  if (status >= 500) return text.problems.down(status);
  if (type === "answer") return text.problems.answer;
  return message;
}
