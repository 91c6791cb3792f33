/** Every English text of the page; a translation is another file of this shape. */

const number = (value) => value.toLocaleString("en");
const plural = (count, one, many) => `${number(count)} ${count === 1 ? one : many}`;

export const text = {
  product: "Maskdrop",
  headline: "Drop a photo. Its masks come back.",
  lede: "People, animals and things, cut out along their outlines in seconds.",
  theme: (dark) => (dark ? "Use light colours" : "Use dark colours"),

  drop: {
    title: "Drop photos here",
    over: "Let go to add them",
    hint: "JPEG, PNG or WebP",
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

  privacy: "Photos go straight into the bucket of whoever runs this site and can be deleted at once.",

  queue: {
    title: "Your photos",
    open: (name) => `Show ${name}`,
    cancel: (name) => `Cancel ${name}`,
    retry: "Try again",
    retryNamed: (name) => `Try ${name} again`,
    forget: (name) => `Remove ${name} from the list`,
  },

  /** What a photograph is doing, by its state. */
  states: {
    waiting: "Waiting",
    uploading: "Uploading",
    queued: "In the queue",
    starting: "Waking the model up",
    decoding: "Reading the photo",
    inferring: "Looking for things",
    writing: "Saving the masks",
    succeeded: "Done",
    failed: "Failed",
    refused: "Not accepted",
    cancelled: "Cancelled",
  },
  percent: (share) => `${Math.round(share * 100)} %`,
  progress: {
    title: (name) => `Working on ${name}`,
    starting: (seconds) => `The model was asleep. This usually takes about ${seconds} seconds.`,
    opening: "Opening the result…",
    cancel: "Cancel",
  },

  result: {
    title: (name) => `What is in ${name}`,
    shared: "Shared result",
    described: (counts) =>
      counts.length === 0
        ? "No instance passes the filters."
        : `Photograph with ${counts.map(([name, count]) => `${count} × ${name}`).join(", ")}.`,
    stage: "Photograph with masks. Arrow keys move, plus and minus zoom, 0 shows all of it.",
    none: "Nothing found",
    noneHint: "The model saw nothing it knows in this photo. A closer or brighter one may help.",
    filtered: "Nothing passes the filters",
    filteredHint: "Lower the score, or switch a class back on.",
    timing: (milliseconds, cold) =>
      `Found in ${number(Math.round(milliseconds))} ms${cold ? ", the first since the model woke up" : ""}`,
    cost: ({ gb_seconds, usd }) => `${gb_seconds.toFixed(2)} GB-s, about $${(usd * 1000).toFixed(3)} for 1,000`,
    model: ({ name, version }) => `${name} · version ${version}`,
  },

  views: { title: "View", fill: "Fill", outline: "Outline", cutout: "Cut-out" },
  tools: {
    zoomIn: "Zoom in",
    zoomOut: "Zoom out",
    fit: "Show all of it",
    labels: "Labels",
    compare: "Before and after",
    divider: "Where before ends and after begins",
  },

  controls: {
    title: "Filter",
    score: "Score at least",
    mask: "Mask threshold",
    maskHint: "Lower is fuller, higher is tighter",
    classes: "Classes",
    reset: "Reset",
  },

  list: {
    title: (count) => plural(count, "instance", "instances"),
    row: ({ name, score, share }) =>
      `${name}, score ${Math.round(score * 100)} %, ${area(share)} of the photo`,
    numbers: ({ score, share }) => `score ${Math.round(score * 100)} % · area ${area(share)}`,
    mask: (name) => `Save the mask of ${name}`,
    cutout: (name) => `Save the cut-out of ${name}`,
    maskShort: "Mask",
    cutoutShort: "Cut-out",
  },

  take: {
    title: "Take it away",
    zip: "All as ZIP",
    labels: "Labels PNG",
    coco: "COCO JSON",
    json: "Copy JSON",
    curl: "Copy curl",
    share: "Copy link",
    remove: "Delete now",
    confirm: "Delete photo and masks for good?",
    confirmYes: "Delete",
    confirmNo: "Keep",
    shareHint: "The link works for as long as the result is kept.",
  },

  said: {
    copied: "Copied.",
    saved: (name) => `Saved ${name}.`,
    deleted: (name) => `${name} and its masks are deleted.`,
    added: (count) => `${plural(count, "photo", "photos")} added.`,
    done: (name, count) => `${name}: ${plural(count, "instance", "instances")} found.`,
    copyFailed: "The browser did not allow copying.",
  },

  problems: {
    heic: (name) =>
      `${name} is a HEIC photo, which browsers and this service cannot read. On an iPhone choose ` +
      "Settings › Camera › Formats › Most Compatible, or export the photo as JPEG.",
    type: (name) => `${name} is not a JPEG, PNG or WebP picture.`,
    empty: (name) => `${name} is empty.`,
    bytes: (name, bytes, limit) =>
      `${name} has ${megabytes(bytes)}; at most ${megabytes(limit)} are accepted.`,
    pixels: (name, { width, height }, limit) =>
      `${name} is ${number(width)} × ${number(height)} pixels, ${megapixels(width * height)} in all; ` +
      `at most ${megapixels(limit)} are accepted.`,
    side: (name, { width, height }, limit) =>
      `${name} is ${number(width)} × ${number(height)} pixels; the longest side accepted is ${number(limit)}.`,
    network: "The connection was lost. It goes on by itself once you are online again.",
    upload: (status) => `The bucket did not take the photo (status ${status}).`,
    answer: "The service gave no answer that this page understands.",
    gone: "This result is no longer there: it expired or was deleted.",
    picture: "The photo itself could not be loaded again.",
    lost: "The photo is no longer in this browser; please add it again.",
    unexpected: "Something went wrong in this page.",
    config: "This site is not set up: its config.json could not be read.",
    closeNotice: "Close this message",
  },
  offline: "You are offline. Uploads wait and go on by themselves.",

  footer: {
    source: "Apache-2.0. Mask R-CNN on a CPU, paid per photo.",
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
