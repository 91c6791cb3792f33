import { h } from "../js/html.js";
import { text } from "../js/strings.js";
import { ZOOM_STEP } from "../js/viewport.js";
import { icon } from "./icon.js";

/** The photograph with its masks, and the tools that say how to look at it. */
export function stage(state, scene, actions) {
  return h(
    "section",
    { class: "stage" },
    toolbar(state, actions),
    h(
      "div",
      {
        id: "stage",
        class: `stage-canvas${state.zoomed ? " zoomed" : ""}${state.raised === null ? "" : " pointing"}`,
        tabindex: 0,
        role: "group",
        "aria-label": text.result.stage,
        style: {
          "--split": state.view.compare ?? 0,
          "--ratio": `${scene.frame.width} / ${scene.frame.height}`,
        },
        onkeydown: actions.stageKey,
        onpointerdown: actions.stageDown,
        onpointermove: actions.stageMove,
        onpointerup: actions.stageUp,
        onpointercancel: actions.stageUp,
        onpointerleave: actions.stageLeave,
        ondblclick: actions.stageTwice,
      },
      h("canvas", {
        id: "photo",
        "aria-hidden": "true",
        paint: {
          of: [state.result, state.stage, state.viewport],
          draw: (canvas) => actions.drawPhoto(canvas, scene),
        },
      }),
      h("canvas", {
        id: "masks",
        "data-still": String(state.isStill),
        role: "img",
        "aria-label": text.result.described(scene.described),
        paint: {
          of: [state.result, state.stage, state.viewport, state.view, state.raised, state.isStill],
          draw: (canvas) => actions.drawMasks(canvas, scene),
        },
      }),
      state.view.compare !== null && h("div", { class: "stage-split", "aria-hidden": "true" }),
    ),
    state.view.compare !== null && divider(state.view.compare, actions),
  );
}

function toolbar({ view, zoomed }, actions) {
  return h(
    "div",
    { class: "toolbar", role: "toolbar", "aria-label": text.views.title },
    h(
      "div",
      { class: "segments" },
      ["fill", "outline", "cutout"].map((mode) =>
        h(
          "button",
          {
            class: "segment",
            type: "button",
            "aria-pressed": String(view.mode === mode),
            onclick: () => actions.look({ mode }),
          },
          text.views[mode],
        ),
      ),
    ),
    h(
      "div",
      { class: "tools" },
      tool("label", text.tools.labels, () => actions.look({ labels: !view.labels }), view.labels),
      tool(
        "compare",
        text.tools.compare,
        () => actions.look({ compare: view.compare === null ? 0.5 : null }),
        view.compare !== null,
      ),
      h(
        "span",
        { class: "zoom" },
        tool("minus", text.tools.zoomOut, () => actions.zoom(1 / ZOOM_STEP)),
        tool("add", text.tools.zoomIn, () => actions.zoom(ZOOM_STEP)),
      ),
      tool("fit", text.tools.fit, actions.fit, undefined, !zoomed),
    ),
  );
}

function tool(sign, label, onclick, isPressed, isDisabled = false) {
  return h(
    "button",
    {
      class: "button quiet round",
      type: "button",
      "aria-label": label,
      title: label,
      "aria-pressed": isPressed === undefined ? null : String(isPressed),
      disabled: isDisabled,
      onclick,
    },
    icon(sign),
  );
}

function divider(compare, actions) {
  return h("input", {
    class: "stage-divider",
    type: "range",
    min: 0,
    max: 1,
    step: 0.01,
    value: String(compare),
    "aria-label": text.tools.divider,
    oninput: (event) => actions.look({ compare: Number(event.target.value) }),
  });
}
