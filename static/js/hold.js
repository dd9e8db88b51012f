// Holding Space, a finger or the mouse on the picture reveals it, and letting go blurs it again.

import { isFree } from "./free.js";
import { canReveal, hold, holdByKey, release } from "./reveal.js";

const TOUCH_DELAY = 200; // ms; a shorter touch is a scroll
const CONTROLS = "a, button, summary, input, textarea, select";

let reachedByTab = null; // the control that Tab moved to
let tabbing = false;
let touch = 0;

document.addEventListener("keydown", (event) => { tabbing = event.key === "Tab"; }, true);
document.addEventListener("focusin", (event) => { reachedByTab = tabbing ? event.target : null; });
document.addEventListener("pointerdown", () => { tabbing = false; reachedByTab = null; }, true);

// Space presses a control only where the person went to it by Tab, as people do who use no mouse. The focus that a click
// leaves behind does not matter, and on the Reveal button Space is held like anywhere else.
function pressesControl(event) {
  const control = event.target.closest?.(CONTROLS);
  return Boolean(control) && control === reachedByTab && !control.closest("#reveal");
}

document.addEventListener("keydown", (event) => {
  if (event.key !== " " || !canReveal() || !document.querySelector(".with-keys")) return;
  if (!isFree(event) || pressesControl(event)) return;
  event.preventDefault();
  if (!event.repeat) holdByKey();
});

document.addEventListener("keyup", (event) => {
  if (event.key !== " ") return;
  // Otherwise Firefox presses the focused control now.
  if (canReveal() && isFree(event) && document.querySelector(".with-keys") && !pressesControl(event)) event.preventDefault();
  release();
});

document.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !event.target.closest?.("#picture")) return;
  clearTimeout(touch);
  touch = setTimeout(hold, TOUCH_DELAY);
});

function letGo() {
  clearTimeout(touch);
  release();
}
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, letGo);
window.addEventListener("blur", letGo);

document.addEventListener("contextmenu", (event) => {
  if (event.target.closest?.("#picture")) event.preventDefault();
});
