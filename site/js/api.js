/** The service's HTTP API. */

/**
 * A request that failed. `type` is the problem's stable name; "network" when nobody answered,
 * "answer" when the answer is none of the API's, "upload" when the bucket refused a photograph.
 * `retryAfter`: seconds that the service asks for before the next try.
 */
export class ApiError extends Error {
  constructor(type, detail, status = 0, retryAfter = 0) {
    super(detail);
    this.type = type;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export async function loadConfig() {
  return request(new URL("config.json", document.baseURI));
}

export function createApi(config) {
  const base = new URL(config.api, document.baseURI);
  const url = (path) => new URL(path, base);
  const detectionUrl = (id) => url(`v1/detections/${encodeURIComponent(id)}`);
  const remove = (where, secret) =>
    request(where, { method: "DELETE", headers: secret ? { "X-Deletion-Secret": secret } : {} });
  return {
    url,

    /** A form to post the photograph to, and the secret that deletes it. */
    createUpload(file, signal) {
      const wanted = { filename: file.name, content_type: file.type, size: file.size };
      return request(url("v1/uploads"), { ...post(wanted), signal });
    },

    /** Ask for a detection; the answer may be finished already. `outputs`: more than the config's. */
    createDetection(key, signal, outputs = []) {
      const options = { ...config.options, outputs: [...(config.options?.outputs ?? []), ...outputs] };
      const asked = post({ key, options });
      asked.headers.Prefer = "respond-async";
      return request(url("v1/detections"), { ...asked, signal });
    },

    readDetection(id, signal) {
      return request(detectionUrl(id), { signal });
    },

    /** Delete a result and its photograph; one that is gone already is deleted. */
    deleteDetection(id, secret) {
      return unlessGone(remove(detectionUrl(id), secret));
    },

    /** Delete a photograph; `id` is the second part of its key. */
    deleteUpload(id, secret) {
      return unlessGone(remove(url(`v1/uploads/${encodeURIComponent(id)}`), secret));
    },

    /** The names of what the service's model finds. */
    async readClasses() {
      const { models } = await request(url("v1/models"));
      return models[0].classes.map(({ name }) => name);
    },

    /** A file by its link, or one of the site's own. */
    async readFile(link, signal) {
      const response = await answerOf(new URL(link, document.baseURI), { signal });
      if (!response.ok) throw new ApiError("answer", `Status ${response.status}`, response.status);
      return response.blob();
    },
  };
}

/** The upload's id in its key: uploads/{id}/{file name}. */
export function uploadId(key) {
  return key.split("/")[1];
}

function post(body) {
  return {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
}

async function unlessGone(deletion) {
  try {
    await deletion;
  } catch (error) {
    if (error.status !== 404) throw error;
  }
}

async function request(url, options = {}) {
  const response = await answerOf(url, options);
  if (response.status === 204) return null;
  const body = await response.json().catch(() => null);
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  if (!response.ok) {
    throw new ApiError(body?.type ?? "answer", body?.detail ?? "", response.status, retryAfter);
  }
  if (body === null) throw new ApiError("answer", "", response.status);
  return retryAfter ? { ...body, retryAfter } : body;
}

async function answerOf(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("network", error.message);
  }
}
