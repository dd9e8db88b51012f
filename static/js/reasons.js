// The reasons of a rejection. Escape closes them, and so does the key or button of another verdict, which then does only
// that. A reason that needs a comment waits until one is written.

const panel = () => document.querySelector("details.verdict-reject[open]");
const comment = () => document.getElementById("comment");

let waiting = null; // the reason whose comment is being written

document.addEventListener("click", (event) => {
  const open = panel();
  if (!open || open.contains(event.target)) return;
  if (event.target.closest?.("#verdicts")) {
    event.preventDefault();
    event.stopPropagation();
    close(open);
  } else if (event.isTrusted && isSheet(open)) close(open);
}, true);

// On a narrow screen the reasons lie over the page.
function isSheet(open) {
  return getComputedStyle(open.querySelector("#reasons")).position === "absolute";
}

document.addEventListener("click", (event) => {
  const reason = event.target.closest?.("[data-needs-comment]");
  if (!reason || comment().value.trim()) return;
  event.preventDefault();
  waiting = reason;
  document.getElementById("comment-send").hidden = false;
  comment().focus();
});

// The button beside the comment, and Enter, send the reason that waits for it.
document.addEventListener("click", (event) => {
  if (event.target.closest?.("#comment-send button")) sendWaiting();
});

document.addEventListener("keydown", (event) => {
  const open = panel();
  if (!open || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") close(open);
  else if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target === comment()) {
    event.preventDefault();
    sendWaiting();
  }
});

// On a low screen the opened reasons are below what is seen.
document.addEventListener("toggle", (event) => {
  if (event.target === panel()) event.target.querySelector("#reasons").scrollIntoView({ block: "nearest" });
}, true);

function sendWaiting() {
  const reason = waiting?.isConnected ? waiting : panel().querySelector("[data-needs-comment]");
  if (comment().value.trim()) reason?.click();
  else comment().focus();
}

function close(open) {
  open.open = false;
  open.querySelector("summary").focus({ preventScroll: true });
}
