/** Send a file to the bucket by a presigned form. */

import { ApiError } from "./api.js";

/**
 * Post `file` with `form` ({url, fields}); `onProgress` hears the share that is sent, 0 to 1.
 *
 * XMLHttpRequest because fetch tells nothing of how far an upload is. Rejects with an
 * ApiError, "network" or "upload", or with an AbortError when `signal` says so.
 *
 * @returns {Promise<void>}
 */
export function sendForm(form, file, { onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.url);
    request.upload.onprogress = (event) => onProgress(event.loaded / Math.max(event.total, 1));
    request.onload = () => {
      if (request.status < 300) resolve();
      else reject(new ApiError("upload", request.responseText, request.status, retryAfter(request)));
    };
    request.onerror = () => reject(new ApiError("network", "The upload was interrupted."));
    request.onabort = () => reject(signal.reason);
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => request.abort());
    request.send(formData(form.fields, file));
  });
}

/** Seconds that the bucket asks for; its CORS rules may hide the header. */
function retryAfter(request) {
  const exposed = request.getAllResponseHeaders().match(/^retry-after: *([0-9]+)/im);
  return exposed ? Number(exposed[1]) : 0;
}

function formData(fields, file) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  // S3 ignores what follows the file.
  data.append("file", file);
  return data;
}
