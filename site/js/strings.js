/** Every English text of the page; a translation is another file of this shape. */

const number = (value) => value.toLocaleString("en");
const plural = (count, one, many) => `${number(count)} ${count === 1 ? one : many}`;

// As many names fit into a sentence.
const FEW = 8;
const IRREGULAR = { person: "people", sheep: "sheep", mouse: "mice", knife: "knives", skis: "skis", scissors: "scissors" };

/** "cats" of "cat"; class names of models that are not in English stay readable. */
function pluralOf(name) {
  return IRREGULAR[name] ?? (/(s|x|ch|sh)$/.test(name) ? `${name}es` : `${name}s`);
}

function listed(names) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function day(date) {
  return date.toLocaleDateString("en", { day: "numeric", month: "long", year: "numeric" });
}

export const text = {
  product: "Maskdrop",
  headline: "Drop a photo. Its masks come back.",
  /** What the model knows, once it has said so. */
  lede: (classes) => {
    if (!classes) return "Each thing that the model knows, cut out along its outline in seconds.";
    if (classes.length > FEW) return `It knows ${classes.length} kinds of things and cuts each out along its outline.`;
    return `It finds ${listed(classes.map(pluralOf))}, and cuts each out along its outline.`;
  },
  classes: (count) => `All ${count} classes`,
  theme: (dark) => (dark ? "Use light colours" : "Use dark colours"),

  drop: {
    title: "Drop photos here",
    titleTouch: "Add photos",
    over: "Release to add the photos",
    hint: "JPEG, PNG, WebP, AVIF or HEIC",
    paste: "or paste with Ctrl+V",
    choose: "Choose photos",
    photograph: "Take a photo",
    add: "Add photos",
  },

  samples: {
    title: "No photo at hand? Try one of these.",
    names: { astronaut: "Astronaut", chelsea: "Cat" },
    try: (name) => `Try the sample “${name}”`,
    credits: "Public domain: NASA, Stefan van der Walt.",
  },

  privacy: (days) =>
    "Photos are uploaded to the storage of whoever runs this site" +
    `${days ? `, are deleted after ${plural(days, "day", "days")}` : ""}. You can delete yours at any time.`,

  queue: {
    title: "Your photos",
    open: (name) => `Show ${name}`,
    cancel: (name) => `Cancel ${name}`,
    retry: "Try again",
    retryNamed: (name) => `Try ${name} again`,
    forget: (name) => `Delete ${name}`,
    retryAll: (count) => `Retry all (${count})`,
    deleteAll: "Delete all",
    saveAll: "Download all",
    packing: (share) => `Packing ${Math.round(share * 100)} %`,
    summary: ({ total, done, failed }) =>
      `${done} of ${plural(total, "photo", "photos")} done${failed ? `, ${failed} failed` : ""}`,
    progress: "Photos done",
    retrying: (seconds) => (seconds > 0 ? `Failed. Retrying in ${seconds} s` : "Offline. Waiting for a connection"),
    previous: "Previous photo (left arrow)",
    next: "Next photo (right arrow)",
  },

  /** What a photograph is doing, by its state. */
  states: {
    waiting: "Waiting",
    uploading: "Uploading",
    queued: "In the queue",
    starting: "Starting the model",
    decoding: "Reading the photo",
    inferring: "Detecting objects",
    writing: "Saving the masks",
    succeeded: "Done",
    failed: "Failed",
    refused: "Not accepted",
    cancelled: "Cancelled",
    deleting: "Deleting",
  },
  percent: (share) => `${Math.round(share * 100)} %`,
  progress: {
    title: (name) => `Working on ${name}`,
    starting: (seconds) => `The model is not loaded yet. Loading usually takes about ${seconds} seconds.`,
    opening: "Opening the result…",
    cancel: "Cancel",
  },

  result: {
    title: (name) => name,
    shared: "Shared result",
    described: (counts) =>
      counts.length === 0
        ? "No instance passes the filters."
        : `Photograph with ${counts.map(([name, count]) => `${count} × ${name}`).join(", ")}.`,
    stage: "Photograph with masks. Arrow keys move, plus and minus zoom, 0 shows all of it.",
    none: "None of the things that the model knows",
    noneHint: (classes) =>
      classes ? `It knows only these ${plural(classes.length, "class", "classes")}:` : "It knows a few classes only.",
    uncertain: "Nothing found with certainty",
    uncertainHint: (count, best) =>
      `There ${count === 1 ? "is 1 guess" : `are ${count} guesses`} below the score threshold; the best has ` +
      `${Math.round(best * 100)} %. Guesses may be wrong: whatever the model does not know, it takes for something that it knows.`,
    guesses: "Show guesses",
    filtered: "Nothing passes the filters",
    filteredHint: "Lower the score threshold, or turn a class back on.",
    timing: (milliseconds, cold) =>
      `Found in ${number(Math.round(milliseconds))} ms${cold ? ", the first since the model was loaded" : ""}`,
    cost: ({ gb_seconds, usd }) => `${gb_seconds.toFixed(2)} GB-s, about $${(usd * 1000).toFixed(3)} for 1,000`,
    model: ({ name, version }) => `${name} · version ${version}`,
  },

  views: { title: "View", fill: "Fill", outline: "Outline", cutout: "Cut-out" },
  tools: {
    zoomIn: "Zoom in",
    zoomOut: "Zoom out",
    fit: "Show the whole photo",
    labels: "Labels",
    compare: "Before and after",
    divider: "Divider between before and after",
  },

  controls: {
    title: "Filter",
    score: "Score at least",
    mask: "Mask threshold",
    maskHint: "Lower: larger masks. Higher: smaller masks.",
    edges: "Edges",
    refined: "Refined edges",
    edgesHint: "Masks follow the photo's edges. Off: masks as the network makes them.",
    classes: "Classes",
    reset: "Reset",
  },

  list: {
    title: (count) => plural(count, "instance", "instances"),
    row: ({ name, score, share }) =>
      `${name}, score ${Math.round(score * 100)} %, ${area(share)} of the photo`,
    numbers: ({ score, share }) => `Score ${Math.round(score * 100)} % · area ${area(share)}`,
    mask: (name) => `Save the mask of ${name}`,
    cutout: (name) => `Save the cut-out of ${name}`,
    maskShort: "Mask",
    cutoutShort: "Cut-out",
  },

  take: {
    title: "Download",
    zip: "All as ZIP",
    overlay: "Overlay JPEG",
    together: "Cut-outs PNG",
    labels: "Labels PNG",
    coco: "COCO JSON",
    json: "Copy JSON",
    curl: "Copy curl",
    share: "Copy link",
    remove: "Delete now",
    shareHint: "Whoever has the link can see the result, but not delete it.",
    kept: (until) => (until ? `Kept until ${day(until)}.` : "Kept until you delete it."),
    shared: "You see this by a link. Only the browser that uploaded the photo can delete it.",
    noSecret: "This browser cannot delete the photo from the service: it did not upload it.",
  },

  deletion: {
    title: (jobs) => (jobs.length === 1 ? `Delete ${jobs[0].name}?` : `Delete ${number(jobs.length)} photos?`),
    detail: (jobs) =>
      `${jobs.length === 1 ? "The photo and its masks are" : "The photos and their masks are"} ` +
      "deleted from the service and from this browser. Links to them stop working.",
    yes: "Delete",
    no: "Keep",
  },

  said: {
    copied: "Copied.",
    saved: (name) => `Saved ${name}.`,
    deleted: (name) => `${name} and its masks are deleted.`,
    added: (count) => `${plural(count, "photo", "photos")} added.`,
    done: (name, count) => `${name}: ${plural(count, "instance", "instances")} found.`,
    failed: (name, detail) => `${name} failed: ${detail}`,
    copyFailed: "The browser did not allow copying.",
    allDeleted: (count) => `${plural(count, "photo", "photos")} deleted.`,
    notDeleted: (count) => `${plural(count, "photo", "photos")} could not be deleted. Try again later.`,
  },

  problems: {
    type: (name) => `${name} is not a JPEG, PNG, WebP, AVIF or HEIC image.`,
    empty: (name) => `${name} is empty.`,
    bytes: (name, bytes, limit) =>
      `${name} has ${megabytes(bytes)}; at most ${megabytes(limit)} are accepted.`,
    pixels: (name, { width, height }, limit) =>
      `${name} is ${number(width)} × ${number(height)} pixels, ${megapixels(width * height)} in all; ` +
      `at most ${megapixels(limit)} are accepted.`,
    side: (name, { width, height }, limit) =>
      `${name} is ${number(width)} × ${number(height)} pixels; the longest side accepted is ${number(limit)}.`,
    network: (isOnline) => (isOnline ? "The service cannot be reached." : "This device is offline."),
    upload: (status) => `The storage did not accept the photo (status ${status}).`,
    busy: "The service is busy (status 429).",
    down: (status) => `The service has a problem (status ${status}).`,
    answer: "The service gave an answer that this page does not understand.",
    notDeleted: (detail) => `It could not be deleted. ${detail}`,
    sample: (detail) => `The sample could not be loaded. ${detail}`,
    gone: "This result is no longer there: it expired or was deleted.",
    picture: "The photo itself could not be loaded again.",
    lost: "The photo is no longer in this browser; please add it again.",
    unexpected: "Something went wrong in this page.",
    config: "The settings of this site (config.json) could not be read.",
    closeNotice: "Close this message",
  },
  offline: "You are offline. Uploads continue when you are online again.",

  footer: {
    source: "Open source, Apache-2.0.",
    api: "API",
  },
};

function area(share) {
  return share < 0.001 ? "<0.1 %" : `${(share * 100).toFixed(1)} %`;
}

function megabytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`;
}

function megapixels(pixels) {
  return `${(pixels / 1e6).toFixed(1)} megapixels`;
}
