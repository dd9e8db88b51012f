// The reasons of a rejection. Escape closes them. A reason that needs a comment waits until one is written.

const panel = () => document.querySelector("details.verdict-reject[open]");
const comment = () => document.getElementById("comment");

let waiting = null; // the reason whose comment is being written

document.addEventListener("click", (event) => {
  const reason = event.target.closest?.("[data-needs-comment]");
  if (!reason || comment().value.trim()) return;
  event.preventDefault();
  waiting = reason;
  document.getElementById("comment-hint").hidden = false;
  comment().focus();
});

document.addEventListener("keydown", (event) => {
  const open = panel();
  if (!open) return;
  if (event.key === "Escape") {
    if (event.target === comment()) comment().blur();
    else close(open);
  } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target === comment()) {
    event.preventDefault();
    if (comment().value.trim()) (waiting?.isConnected ? waiting : open.querySelector("[data-needs-comment]"))?.click();
  }
});

function close(open) {
  const focused = open.contains(document.activeElement);
  open.open = false;
  if (focused) open.querySelector("summary").focus();
}
