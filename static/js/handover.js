// After one upload has made way for the next: says so to screen readers and puts the focus where keys work.

document.addEventListener("htmx:afterSettle", (event) => {
  const workplace = document.getElementById("workplace");
  if (!workplace || !workplace.contains(event.target) && event.target !== workplace) return;
  document.getElementById("announcer").textContent = workplace.dataset.says.replace(/\s+/g, " ").trim();
  if (event.target === workplace && !workplace.contains(document.activeElement)) place(workplace).focus({ preventScroll: true });
});

function place(workplace) {
  return workplace.querySelector("[aria-invalid=true], #stage, #lost, #waiting") ?? workplace;
}
