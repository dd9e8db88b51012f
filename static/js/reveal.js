// Shows the clear picture while Space or the picture is held, or while the button is on. Its first showing is a form
// of its own, which records the exposure; no byte of it is asked for before that is answered.

import { isFree } from "./free.js";

const TOUCH_DELAY = 200; // ms: scrolling by the picture is no wish to see it
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
  if (wanted && exposed !== here) askForExposure(here);
  const clear = wanted && exposed === here ? clearImage(here) : here.querySelector("img.clear");
  const shown = Boolean(wanted && clear?.complete && clear.naturalWidth);
  stage().dataset.state = shown ? "clear" : "blurred";
  const button = form().querySelector("button");
  button.setAttribute("aria-pressed", String(locked));
  button.querySelector("span").textContent = locked ? "Blur again" : "Reveal";
}

function askForExposure(here) {
  if (here.dataset.asked) return;
  here.dataset.asked = "yes";
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
  delete here.dataset.asked;
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

// The button toggles; its form is only sent by askForExposure().
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

// Another picture of the file: the button let go of the one before it.
document.addEventListener("picture:chosen", () => { locked = false; render(); });

// Nobody looks any more.
window.addEventListener("blur", hide);
window.addEventListener("pagehide", hide);
document.addEventListener("visibilitychange", hide);
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.shouldSwap && event.detail.target?.id === "workplace") { held = locked = false; exposed = null; }
});
