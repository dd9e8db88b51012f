// Files dropped on [data-drop] become the chosen files of its input. The form works without JavaScript.

const zoneOf = (event) => (event.target instanceof Element ? event.target.closest("[data-drop]") : null);
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");

document.addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  // Outside the zone, the browser would leave the page to show the file.
  event.preventDefault();
  const zone = zoneOf(event);
  event.dataTransfer.dropEffect = zone ? "copy" : "none";
  for (const other of document.querySelectorAll("[data-drop]")) other.classList.toggle("over", other === zone);
});

document.addEventListener("dragleave", (event) => {
  const zone = zoneOf(event);
  if (zone && !zone.contains(event.relatedTarget)) zone.classList.remove("over");
});

document.addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  const zone = zoneOf(event);
  if (!zone) return;
  zone.classList.remove("over");
  const input = zone.querySelector("input[type=file]");
  input.files = event.dataTransfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
});

document.addEventListener("change", (event) => {
  const zone = zoneOf(event);
  if (!zone || event.target.type !== "file") return;
  const names = [...event.target.files].map((file) => file.name);
  const rest = names.length > 5 ? ` and ${names.length - 5} more` : "";
  zone.querySelector("[data-drop-chosen]").textContent = names.slice(0, 5).join(", ") + rest;
});
