// Steps through the pictures of a file with several. reveal.js keeps each one blurred until it is revealed or Space is
// held. On a page that already shows a clear picture, the links load the page as they do without JavaScript.

import { announce } from "./announce.js";

const links = () => [...document.querySelectorAll("#picture-strip [data-picture]")];

function choose(link) {
  const picture = document.getElementById("picture");
  picture.querySelector("img.clear")?.remove();
  picture.dataset.clear = link.dataset.clear;
  picture.dataset.full = link.dataset.full;
  picture.dataset.alt = `${link.dataset.name}, clear`;
  picture.dataset.size = link.dataset.size;
  const blurred = picture.querySelector("img.blurred");
  blurred.src = link.querySelector("img").src;
  blurred.alt = `${link.dataset.name}, blurred`;
  moveOutline(picture.querySelector(".outline"), link.dataset);
  for (const other of links()) other.toggleAttribute("aria-current", other === link);
  link.setAttribute("aria-current", "true");
  link.scrollIntoView({ block: "nearest", inline: "nearest" });
  document.getElementById("strip-place").textContent = link.dataset.picture;
  announce(`Picture ${link.dataset.picture}`);
  document.dispatchEvent(new CustomEvent("picture:chosen"));
}

function moveOutline(svg, { viewBox, outline: place }) {
  svg.toggleAttribute("hidden", !place);
  if (!place) return;
  svg.setAttribute("viewBox", viewBox);
  const values = place.split(" ");
  for (const [index, name] of ["x", "y", "width", "height"].entries()) svg.firstElementChild.setAttribute(name, values[index]);
}

function neighbour(link) {
  const all = links();
  const now = all.findIndex((each) => each.hasAttribute("aria-current"));
  return all[(now + Number(link.dataset.step) + all.length) % all.length];
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("#picture-strip a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !document.getElementById("reveal")) return;
  event.preventDefault();
  choose(link.dataset.step ? neighbour(link) : link);
});
