// After one upload has made way for the next: says so to screen readers and puts the focus where keys work.

document.addEventListener("htmx:afterSettle", (event) => {
  const workplace = document.getElementById("workplace");
  if (!workplace || event.target !== workplace) return; // a renewed lease or new counts are no news
  document.getElementById("announcer").textContent = workplace.dataset.says.replace(/\s+/g, " ").trim();
  if (!workplace.contains(document.activeElement)) place(workplace).focus({ preventScroll: true });
});

function place(workplace) {
  return workplace.querySelector("[aria-invalid=true], #stage, #lost, #waiting") ?? workplace;
}
