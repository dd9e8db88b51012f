// Sizes the picture in its stage: whole, and at most twice its own size. A long one would be an unreadable ribbon, so it
// starts as wide (or high) as the stage and is scrolled. The button goes through the sizes: fitted, enlarged, whole.

import { isFree } from "./free.js";
import { sharpen } from "./full_picture.js";

const MOST_ENLARGED = 2; // more shows no more of a small picture
const LONG = 3; // the ratio of the sides of a long picture
const SCROLL_BAR = 16; // px
const SMALL = 320; // px; a blurred picture this small shows its shapes, so that review.css blurs it once more
const STEP = 60; // px
const STEPS = {
  ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0], PageUp: [0, -6], PageDown: [0, 6],
};

let level = 0;

const picture = () => document.getElementById("picture");
const frame = () => document.querySelector("#picture .frame");

// Return the scales that Z goes through, the first one at first. 1 is one pixel of the upload for one of the page.
function scales([width, height], stage) {
  const across = stage.clientWidth / width;
  const down = stage.clientHeight / height;
  const whole = Math.min(MOST_ENLARGED, across, down);
  const isLong = Math.max(width / height, height / width) > LONG;
  const filled = isLong ? Math.min(MOST_ENLARGED, Math.max(across - SCROLL_BAR / width, down - SCROLL_BAR / height)) : whole;
  return [...new Set([filled, Math.max(1, 2 * filled), whole])];
}

function fit() {
  const here = picture();
  const canvas = here?.querySelector(".canvas");
  const size = here?.dataset.size?.split(" ").map(Number);
  if (!canvas || size?.length !== 2) return;
  const all = scales(size, here);
  const scale = all[level % all.length];
  canvas.style.width = `${Math.floor(size[0] * scale)}px`;
  canvas.style.height = `${Math.floor(size[1] * scale)}px`;
  // Below, some pixels would be wider than others.
  canvas.toggleAttribute("data-pixelated", scale >= 2);
  canvas.toggleAttribute("data-small", Math.max(...size) * scale < SMALL);
  here.toggleAttribute("data-zoomed", level > 0);
  frame().toggleAttribute("tabindex", false);
  if (overflows()) frame().tabIndex = 0;
  sharpen();
}

function overflows() {
  const { scrollWidth, scrollHeight, clientWidth, clientHeight } = frame();
  return scrollWidth > clientWidth || scrollHeight > clientHeight;
}

function restart() {
  level = 0;
  fit();
  frame()?.scrollTo(0, 0);
}

function centre() {
  const { scrollWidth, scrollHeight, clientWidth, clientHeight } = frame();
  frame().scrollTo((scrollWidth - clientWidth) / 2, (scrollHeight - clientHeight) / 2);
}

document.addEventListener("click", (event) => {
  if (!event.target.closest?.("#zoom")) return;
  level += 1;
  fit();
  centre();
});

document.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  const here = frame();
  // A frame that has the focus scrolls by itself.
  if (!step || !here || !isFree(event) || here.contains(event.target) || !overflows()) return;
  event.preventDefault();
  here.scrollBy(step[0] * STEP, step[1] * STEP);
});

// The mouse drags the picture, also where it leaves the stage meanwhile.
document.addEventListener("pointerdown", (event) => {
  if (event.pointerType === "mouse" && event.target.closest?.("#picture .canvas")) frame().setPointerCapture(event.pointerId);
});
document.addEventListener("pointermove", (event) => {
  if (event.pointerType !== "mouse" || !(event.buttons & 1)) return;
  event.target.closest?.("#picture .frame")?.scrollBy(-event.movementX, -event.movementY);
});

const observer = new ResizeObserver(fit);

function watch() {
  const button = document.getElementById("zoom");
  if (!button?.hidden) return; // watched already
  button.hidden = false;
  observer.disconnect();
  observer.observe(picture());
  restart();
}

document.addEventListener("picture:chosen", restart);
document.addEventListener("htmx:load", watch);
watch();
