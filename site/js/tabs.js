/**
 * Several tabs of one browser: one of them works on a photograph, the others watch.
 *
 * Web Locks say whose turn it is, a BroadcastChannel tells what changed. Pages on plain http have
 * no locks; there, each tab works on what it was given.
 */

const CHANNEL = "maskdrop";

export function openTabs() {
  const channel = typeof BroadcastChannel === "function" ? new BroadcastChannel(CHANNEL) : null;
  return {
    /** Tell the other tabs. */
    tell: (message) => channel?.postMessage(message),

    /** Hear the other tabs. */
    hear(heard) {
      if (channel) channel.onmessage = (event) => heard(event.data);
    },

    /**
     * Do `work` while no other tab does it. `waiting` is called first where one does, and
     * `work(true)` then says that another tab had it before.
     */
    async alone(name, signal, work, waiting) {
      const { locks } = navigator;
      if (!locks) return work(false);
      const lock = `${CHANNEL}-${name}`;
      const done = await locks.request(lock, { ifAvailable: true }, async (held) => {
        if (held) await work(false);
        return held !== null;
      });
      if (done) return undefined;
      waiting();
      return locks.request(lock, { signal }, () => work(true));
    },
  };
}

/** A name that no other has; also where `crypto.randomUUID` is missing, as on plain http. */
export function randomName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
