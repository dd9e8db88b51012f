// Counts down until the last decision takes effect, then asks for its notice again, which says more from then on.

let current = null;
let dueAt = 0;

function tick() {
  const due = document.querySelector("[data-due-in]");
  if (!due) return;
  if (due !== current) {
    current = due;
    dueAt = performance.now() + due.dataset.dueIn * 1000;
  }
  const left = Math.ceil((dueAt - performance.now()) / 1000);
  const text = due.textContent.replace(/\d+ s\./, `${Math.max(left, 0)} s.`);
  if (due.textContent !== text) due.textContent = text;
  if (left <= 0) due.dispatchEvent(new Event("due"));
}

setInterval(tick, 250);
document.addEventListener("htmx:load", tick);
tick();
