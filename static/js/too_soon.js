// Ignores a verdict, a skip or a confirmation that is pressed before its buttons were on the screen for 300 ms: nobody can
// have looked at the upload that it would settle. A double click thus never settles two.

const TOO_SOON = 300; // ms
const SETTLING = "#verdicts form, #question form";
const PLACES = "#question, #workplace";

let pressedAt = 0; // when the person last pressed a key or clicked, by the clock of performance.now()

for (const kind of ["keydown", "click"]) {
  document.addEventListener(kind, (event) => {
    // keys.js clicks too, at the time of its key.
    if (event.isTrusted) pressedAt = event.timeStamp;
  }, true);
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches(SETTLING)) return;
  const { readyAt } = event.target.closest(PLACES).dataset;
  if (pressedAt >= Number(readyAt)) return; // never true before the paint, while there is no readyAt
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

function watchPaint() {
  for (const place of document.querySelectorAll(PLACES)) {
    if (place.dataset.readyAt === undefined) afterPaint(() => { place.dataset.readyAt ??= performance.now() + TOO_SOON; });
  }
}

// The first callback runs before the next frame is painted, the second one after it.
function afterPaint(callback) {
  requestAnimationFrame(() => requestAnimationFrame(callback));
}

document.addEventListener("htmx:afterSettle", watchPaint);
watchPaint();
