// Steps through the pictures of a file with several. One that comes is blurred until it is revealed, or while Space is
// held; reveal.js sees to that. On a page that shows a clear picture without this script's help, links are links.

const links = () => [...document.querySelectorAll("#film [data-picture]")];

function choose(link) {
  const picture = document.getElementById("picture");
  picture.querySelector("img.clear")?.remove();
  picture.dataset.clear = link.dataset.clear;
  picture.dataset.alt = `${link.dataset.name}, clear`;
  const blurred = picture.querySelector("img.blurred");
  blurred.src = link.querySelector("img").src;
  blurred.alt = `${link.dataset.name}, blurred`;
  outline(picture.querySelector(".outline"), link.dataset);
  for (const other of links()) other.toggleAttribute("aria-current", other === link);
  link.setAttribute("aria-current", "true");
  link.scrollIntoView({ block: "nearest", inline: "nearest" });
  document.getElementById("film-place").textContent = link.dataset.picture;
  document.getElementById("announcer").textContent = `Picture ${link.dataset.picture}`;
  document.dispatchEvent(new CustomEvent("picture:chosen"));
}

function outline(svg, { viewBox, outline: place }) {
  svg.toggleAttribute("hidden", !place);
  if (!place) return;
  svg.setAttribute("viewBox", viewBox);
  const values = place.split(" ");
  for (const [index, name] of ["x", "y", "width", "height"].entries()) svg.firstElementChild.setAttribute(name, values[index]);
}

function stepFrom(link) {
  const all = links();
  const now = all.findIndex((each) => each.hasAttribute("aria-current"));
  return all[(now + Number(link.dataset.step) + all.length) % all.length];
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("#film a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !document.getElementById("reveal")) return;
  event.preventDefault();
  choose(link.dataset.step ? stepFrom(link) : link);
});
