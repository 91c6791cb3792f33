/**
 * The queue across reloads: jobs with their photographs in IndexedDB.
 *
 * Where the browser offers none (private windows), the queue lives as long as the page.
 */

const STORE = "jobs";

export async function openShelf() {
  try {
    return shelfOf(await open());
  } catch {
    return { all: async () => [], get: async () => undefined, put: async () => {}, remove: async () => {} };
  }
}

function shelfOf(database) {
  const run = (mode, action) => {
    const store = database.transaction(STORE, mode).objectStore(STORE);
    return answer(action(store));
  };
  return {
    all: () => run("readonly", (store) => store.getAll()),
    get: (id) => run("readonly", (store) => store.get(id)),
    // A full disk must not stop what works without it.
    put: (job) => run("readwrite", (store) => store.put(job)).catch(() => {}),
    remove: (id) => run("readwrite", (store) => store.delete(id)),
  };
}

function open() {
  const request = indexedDB.open("maskdrop", 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
  return answer(request);
}

function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
