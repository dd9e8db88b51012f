// Presses the control whose data-key is the pressed key. The page sets the keys.

import { isFree } from "./free.js";

function controlFor(key) {
  const wanted = `[data-key="${CSS.escape(key.toLowerCase())}"]`;
  return [...document.querySelectorAll(wanted)].find((control) => control.checkVisibility() && !control.disabled);
}

document.addEventListener("keydown", (event) => {
  if (event.repeat || !isFree(event)) return;
  const control = event.key.length === 1 && controlFor(event.key);
  if (!control) return;
  event.preventDefault();
  control.click();
});

// Enter presses a focused control once, however long it is held.
document.addEventListener("keydown", (event) => {
  if (event.repeat && event.key === "Enter" && event.target.closest?.("button, summary")) event.preventDefault();
}, true);
