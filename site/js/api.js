/** The service's HTTP API. */

/** `type` is the problem's stable name; "network" when nobody answered, "answer" when oddly. */
export class ApiError extends Error {
  constructor(type, detail, status = 0) {
    super(detail);
    this.type = type;
    this.status = status;
  }
}

export async function loadConfig() {
  return request(new URL("config.json", document.baseURI));
}

export function createApi(config) {
  const base = new URL(config.api, document.baseURI);
  const url = (path) => new URL(path, base);
  return {
    url,

    /** A form to post the photograph to. */
    createUpload(file, signal) {
      const wanted = { filename: file.name, content_type: file.type, size: file.size };
      return request(url("v1/uploads"), { ...post(wanted), signal });
    },

    /** Ask for a detection; the answer may be finished already. */
    createDetection(key, signal) {
      const asked = post({ key, options: config.options });
      asked.headers.Prefer = "respond-async";
      return request(url("v1/detections"), { ...asked, signal });
    },

    readDetection(id, signal) {
      return request(url(`v1/detections/${encodeURIComponent(id)}`), { signal });
    },

    /** `secret`: what the service answered as `deletion_secret` when the photograph was uploaded. */
    async deleteDetection(id, secret) {
      const headers = secret ? { "X-Deletion-Secret": secret } : {};
      const options = { method: "DELETE", headers };
      await request(url(`v1/detections/${encodeURIComponent(id)}`), options);
    },

    /** A file by its link, or one of the site's own. */
    async readFile(link, signal) {
      const response = await answerOf(new URL(link, document.baseURI), { signal });
      if (!response.ok) throw new ApiError("answer", `Status ${response.status}`, response.status);
      return response.blob();
    },
  };
}

function post(body) {
  return {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
}

async function request(url, options = {}) {
  const response = await answerOf(url, options);
  if (response.status === 204) return null;
  const body = await response.json().catch(() => null);
  if (!response.ok) {
    throw new ApiError(body?.type ?? "answer", body?.detail ?? "", response.status);
  }
  if (body === null) throw new ApiError("answer", "", response.status);
  const seconds = Number(response.headers.get("Retry-After"));
  return seconds ? { ...body, retryAfter: seconds } : body;
}

async function answerOf(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("network", error.message);
  }
}
