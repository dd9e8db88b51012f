// When the next upload has replaced one: announces it, moves the focus to where keys work, and shows the stage.

import { announce } from "./announce.js";

document.addEventListener("htmx:afterSettle", (event) => {
  const workplace = document.getElementById("workplace");
  if (!workplace || event.target !== workplace) return; // a renewed claim or new counts need no announcement
  announce(workplace.dataset.announce);
  if (!workplace.contains(document.activeElement)) place(workplace).focus({ preventScroll: true });
  // Where the page is higher than the screen, the person had scrolled to the verdicts.
  workplace.querySelector("#stage")?.scrollIntoView({ block: "nearest" });
});

function place(workplace) {
  return workplace.querySelector("[aria-invalid=true], #stage, #lost, #waiting") ?? workplace;
}
