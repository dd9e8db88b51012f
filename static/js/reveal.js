// Shows the clear picture while Space or the picture is held (hold.js), or while the button is on. The first time, a form
// records the exposure; the clear picture is requested only after the server has answered it.

import { announce } from "./announce.js";

let held = false; // Space, a finger or the mouse
let locked = false; // the button
let exposed = null; // the picture element whose exposure is recorded

const stage = () => document.getElementById("stage");
const picture = () => document.getElementById("picture");
const form = () => document.getElementById("reveal");

export const canReveal = () => Boolean(picture() && form());

// Space switches the button off, so that the picture is blurred once it is released.
export function holdByKey() {
  locked = false;
  hold();
}

export function hold() {
  held = true;
  render();
}

export function release() {
  if (!held) return;
  held = false;
  render();
}

function render() {
  if (!canReveal()) return;
  const here = picture();
  const wanted = held || locked;
  if (wanted && exposed !== here) requestExposure(here);
  const clear = wanted && exposed === here ? clearImage(here) : here.querySelector("img.clear");
  show(here, { clear: Boolean(wanted && clear?.complete && clear.naturalWidth) });
  const button = form().querySelector("button");
  button.setAttribute("aria-pressed", String(locked));
  button.querySelector("span").textContent = locked ? "Blur again" : "Reveal";
}

function show(here, { clear }) {
  const state = clear ? "clear" : "blurred";
  if (stage().dataset.state === state) return;
  stage().dataset.state = state;
  announce(here.querySelector(`img.${state}`).alt);
  if (clear) document.dispatchEvent(new CustomEvent("picture:clear"));
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

// The button toggles; only requestExposure() sends its form.
document.addEventListener("click", (event) => {
  if (!event.target.closest?.("#reveal button")) return;
  event.preventDefault();
  locked = !locked;
  render();
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
