// Checks the chosen files against the form's limits before any byte is sent, and shows the progress while it is sent.
// The form works without JavaScript: the server checks the same limits.

const megabytes = (bytes) => `${(bytes / 1_000_000).toLocaleString("en", { maximumFractionDigits: 1 })} MB`;

function refusal(files, form) {
  const { mostFiles, mostBytes, mostTogether } = form.dataset;
  if (files.length > mostFiles) {
    return `Found ${files.length} files; at most ${mostFiles} are accepted at once. Nothing was sent. Choose fewer, and send the others afterwards.`;
  }
  const large = files.filter((file) => file.size > mostBytes);
  if (large.length) {
    const names = large.slice(0, 5).map((file) => `${file.name} (${megabytes(file.size)})`).join(", ");
    const rest = large.length > 5 ? ` and ${large.length - 5} more` : "";
    return `Found files that are too large: ${names}${rest}; at most ${megabytes(mostBytes)} each are accepted. Nothing was sent. Choose again without them.`;
  }
  const together = files.reduce((sum, file) => sum + file.size, 0);
  return together > mostTogether
    ? `Found ${megabytes(together)} together; at most ${megabytes(mostTogether)} are accepted at once. Nothing was sent. Choose fewer, and send the others afterwards.`
    : "";
}

function check(form) {
  const problem = refusal([...form.querySelector("input[type=file]").files], form);
  const shown = form.querySelector("[data-send-refusal]");
  shown.textContent = problem;
  shown.hidden = !problem;
  form.querySelector("[data-drop]").classList.toggle("invalid", Boolean(problem));
  return !problem;
}

const formOf = (event) => (event.target instanceof Element ? event.target.closest("form[data-most-files]") : null);

document.addEventListener("change", (event) => {
  if (formOf(event)) check(formOf(event));
});

// In the capturing phase, before htmx sends the form.
document.addEventListener("submit", (event) => {
  const form = formOf(event);
  if (!form || check(form)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, { capture: true });

// The answer's own progress follows that of the files, and is not shown.
document.addEventListener("htmx:xhr:progress", (event) => {
  const form = formOf(event);
  const { lengthComputable, loaded, total } = event.detail;
  if (!form || !lengthComputable || form.dataset.sent) return;
  if (loaded === total) form.dataset.sent = "whole";
  form.querySelector("[data-sending]").hidden = false;
  form.querySelector("progress").value = loaded / total;
  form.querySelector("[data-sending-text]").textContent = loaded < total
    ? `${megabytes(loaded)} of ${megabytes(total)} sent`
    : "Everything is sent. The server checks each file.";
});

// The answer of a success replaces the form, and the progress with it.
document.addEventListener("htmx:afterRequest", (event) => {
  const form = formOf(event);
  if (!form) return;
  form.querySelector("[data-sending]").hidden = true;
  delete form.dataset.sent;
});
