// Takes back the question whether to settle an upload that was not revealed, as soon as the person does anything else. Its
// button has the key of the verdict, so that keys.js answers it when the key is pressed again.

const QUIET = ["Tab", "Shift", "Control", "Alt", "Meta"]; // these do nothing by themselves

function isAnswer(question, event) {
  const key = event.key?.toLowerCase();
  return question.contains(event.target) || QUIET.includes(event.key) ||
    [...question.querySelectorAll("[data-key]")].some((control) => control.dataset.key === key);
}

function takeBack(event) {
  const question = document.getElementById("question");
  if (!question || question.hidden || isAnswer(question, event)) return;
  question.hidden = true;
  question.replaceChildren();
}

document.addEventListener("keydown", takeBack, true);
document.addEventListener("pointerdown", takeBack, true);

// The reasons have been answered, too: their key answers the question now.
document.addEventListener("htmx:afterSettle", (event) => {
  const reasons = document.querySelector("details.verdict-reject[open]");
  if (event.target.id === "question" && !event.target.hidden && reasons) reasons.open = false;
});
