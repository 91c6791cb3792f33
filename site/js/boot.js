/** Before the page is drawn: the theme, and what to say where the page's script cannot be loaded. */

(() => {
  const root = document.documentElement;
  let chosen = null;
  try {
    chosen = localStorage.getItem("maskdrop-theme");
  } catch {
    // Where nothing may be stored, the system's theme it is.
  }
  const systems = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = chosen === "dark" || chosen === "light" ? chosen : systems;

  const sayThatItFailed = () => {
    const message = document.getElementById("failed");
    if (message) message.hidden = false;
  };
  // A module that cannot be loaded, or that throws while it starts; later errors are handled.
  addEventListener(
    "error",
    (event) => {
      const isModule = event.target instanceof HTMLScriptElement;
      if (isModule || !document.querySelector("#root > .page[data-drawn]")) sayThatItFailed();
    },
    true,
  );
  addEventListener("unhandledrejection", () => {
    if (!document.querySelector("#root > .page[data-drawn]")) sayThatItFailed();
  });
  addEventListener("DOMContentLoaded", () => {
    document.getElementById("reload")?.addEventListener("click", () => location.reload());
  });
})();
