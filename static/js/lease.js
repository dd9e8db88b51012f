// Counts the claim down and renews it every third of its length, while the page is visible.

let endsAt = 0; // by performance.now(): the server sends the seconds left, because clocks differ
let renewAt = 0;
let current = null;

const lease = () => document.getElementById("lease");

function start(form) {
  current = form;
  endsAt = performance.now() + form.dataset.seconds * 1000;
  renewAt = performance.now() + (form.dataset.length * 1000) / 3;
  tick();
}

function tick() {
  const form = lease();
  if (!form) return;
  if (form !== current) return start(form);
  const left = Math.max(0, Math.round((endsAt - performance.now()) / 1000));
  const minutes = Math.floor(left / 60);
  form.querySelector(".clock").textContent = left ? `${minutes}:${String(left % 60).padStart(2, "0")} left` : "but the time is over";
  form.querySelector(".lease").classList.toggle("ending", left < 60);
  if (performance.now() >= renewAt && document.visibilityState === "visible") renew(form);
}

function renew(form) {
  // If this request fails, the next one follows soon.
  renewAt = performance.now() + Math.min(10_000, form.dataset.length * 100);
  form.requestSubmit();
}

setInterval(tick, 1000);
document.addEventListener("visibilitychange", tick);
document.addEventListener("htmx:load", tick);
tick();
