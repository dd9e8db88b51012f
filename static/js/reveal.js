// Shows the clear picture while Space or the picture is held, or while the button is on. The first time, a form records
// the exposure; the clear picture is requested only after the server has answered it.

import { isFree } from "./free.js";

const TOUCH_DELAY = 200; // ms; a shorter touch is a scroll
const CONTROLS = "a, button, summary, input, textarea, select";

let held = false; // Space or a finger
let locked = false; // the button
let exposed = null; // the picture element whose exposure is recorded
let touch = 0;

const stage = () => document.getElementById("stage");
const picture = () => document.getElementById("picture");
const form = () => document.getElementById("reveal");

function render() {
  const here = picture();
  if (!here || !form()) return;
  const wanted = held || locked;
  if (wanted && exposed !== here) requestExposure(here);
  const clear = wanted && exposed === here ? clearImage(here) : here.querySelector("img.clear");
  const shown = Boolean(wanted && clear?.complete && clear.naturalWidth);
  stage().dataset.state = shown ? "clear" : "blurred";
  const button = form().querySelector("button");
  button.setAttribute("aria-pressed", String(locked));
  button.querySelector("span").textContent = locked ? "Blur again" : "Reveal";
}

function requestExposure(here) {
  if (here.dataset.requested) return;
  here.dataset.requested = "yes";
  form().requestSubmit();
}

function clearImage(here) {
  const present = here.querySelector("img.clear");
  if (present) return present;
  const image = document.createElement("img");
  image.className = "clear";
  image.alt = here.dataset.alt;
  image.draggable = false;
  image.addEventListener("load", render);
  image.addEventListener("error", () => failed(here, image));
  here.querySelector("#picture-error").hidden = true;
  image.src = here.dataset.clear;
  here.querySelector(".blurred").after(image);
  return image;
}

function failed(here, image) {
  image.remove();
  here.querySelector("#picture-error").hidden = false;
  hide();
}

function hide() {
  clearTimeout(touch);
  held = locked = false;
  render();
}

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.target.id !== "reveal") return;
  const here = picture();
  if (!here) return;
  delete here.dataset.requested;
  if (event.detail.xhr?.status === 204) exposed = here;
  else hide();
  render();
});

// Space, where no control has the focus.
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || !form() || !document.querySelector(".with-keys")) return;
  if (!isFree(event) || event.target.closest?.(CONTROLS)) return;
  event.preventDefault();
  if (event.repeat) return;
  held = true;
  render();
});
document.addEventListener("keyup", (event) => {
  if (event.key !== " " || !held) return;
  held = false;
  render();
});

// The button toggles; only requestExposure() sends its form.
document.addEventListener("click", (event) => {
  if (!event.target.closest?.("#reveal button")) return;
  event.preventDefault();
  locked = !locked;
  render();
});

// A finger or the mouse, held on the picture.
document.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !event.target.closest?.("#picture")) return;
  clearTimeout(touch);
  touch = setTimeout(() => { held = true; render(); }, TOUCH_DELAY);
});
for (const end of ["pointerup", "pointercancel"]) {
  document.addEventListener(end, () => {
    clearTimeout(touch);
    if (held) { held = false; render(); }
  });
}
document.addEventListener("contextmenu", (event) => {
  if (event.target.closest?.("#picture")) event.preventDefault();
});

// Another picture was chosen: the button is off again.
document.addEventListener("picture:chosen", () => { locked = false; render(); });

// The person has left the page.
window.addEventListener("blur", hide);
window.addEventListener("pagehide", hide);
document.addEventListener("visibilitychange", hide);
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.shouldSwap && event.detail.target?.id === "workplace") { held = locked = false; exposed = null; }
});
