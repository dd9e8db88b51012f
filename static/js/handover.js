// When the next upload has replaced one: announces it to screen readers, and moves the focus to where keys work.

document.addEventListener("htmx:afterSettle", (event) => {
  const workplace = document.getElementById("workplace");
  if (!workplace || event.target !== workplace) return; // a renewed lease or new counts need no announcement
  document.getElementById("announcer").textContent = workplace.dataset.announce.replace(/\s+/g, " ").trim();
  if (!workplace.contains(document.activeElement)) place(workplace).focus({ preventScroll: true });
});

function place(workplace) {
  return workplace.querySelector("[aria-invalid=true], #stage, #lost, #waiting") ?? workplace;
}
