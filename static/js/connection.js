// Says when a request did not get through or was refused, and takes it back with the next answer that arrives.

const notice = document.getElementById("connection");

function say(text) {
  notice.textContent = text;
  notice.hidden = false;
}

const REFUSED = {
  403: "You may not do that. Nothing was saved. Reload the page to see what you may do.",
  404: "That is not there any more. Nothing was saved. Reload the page.",
  413: "That is too much at once. Nothing was saved. Send fewer or smaller files, and the rest later.",
  429: "Too many requests. Nothing was saved. Wait a moment and try again.",
};

document.addEventListener("htmx:sendError", () => say("The server cannot be reached. Nothing was saved. Try again when the network is back."));
document.addEventListener("htmx:timeout", () => say("The server did not answer in time. Reload the page to see what was saved."));
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  say(REFUSED[status] ?? `The server failed (${status}). Reload the page to see what was saved.`);
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.isError) notice.hidden = true;
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.xhr?.status === 204) notice.hidden = true;
});
