// Shows a notice when a request fails or is refused, and hides it when the next answer arrives.

const notice = document.getElementById("connection");

function say(text) {
  notice.textContent = text;
  notice.hidden = false;
}

const REFUSED = {
  403: "Your account may not do that. Nothing was saved. Reload the page to see your options.",
  404: "This item does not exist any more. Nothing was saved. Reload the page.",
  413: "The request is too large. Nothing was saved. Send fewer or smaller files.",
  429: "The server got too many requests. Nothing was saved. Wait a moment and try again.",
};

document.addEventListener("htmx:sendError", () => say("The server cannot be reached. Nothing was saved. Try again when the network is back."));
document.addEventListener("htmx:timeout", () => say("The server did not answer in time. Your change may or may not be saved. Reload the page to check."));
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  say(REFUSED[status] ?? `The server failed (${status}). Your change may not be saved. Reload the page to check.`);
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.isError) notice.hidden = true;
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.xhr?.status === 204) notice.hidden = true;
});
