// Shows a notice when a request fails or is refused, and hides it when the next answer arrives.

const notice = document.getElementById("connection");
const again = notice.querySelector("button");
const BY_ITSELF = "#lease, #waiting, [data-due-in]"; // these ask again without the person

let failed = null; // the form that did not get through, and its button

function say(text, { resend = null } = {}) {
  notice.querySelector("span").textContent = text;
  failed = resend;
  again.hidden = !resend;
  notice.hidden = false;
}

const REFUSED = {
  403: "Your account may not do that. Nothing was saved. Reload the page to see your options.",
  404: "This item does not exist any more. Nothing was saved. Reload the page.",
  413: "The request is too large. Nothing was saved. Send fewer or smaller files.",
  429: "The server got too many requests. Nothing was saved. Wait a moment and try again.",
};

document.addEventListener("htmx:sendError", (event) => {
  const form = event.target;
  if (form.matches(BY_ITSELF)) {
    if (!failed) say("The server cannot be reached. Nothing is saved until it answers. Trying again …");
  } else if (form.matches("form:not(#reveal)")) {
    const { submitter } = event.detail.requestConfig.triggeringEvent ?? {};
    say("The server cannot be reached, so your last action may not be saved. Trying again never saves it twice.", { resend: { form, submitter } });
  } else say("The server cannot be reached. Try again when the network is back.");
});
document.addEventListener("htmx:timeout", () => say("The server did not answer in time. Your change may or may not be saved. Reload the page to check."));
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  say(REFUSED[status] ?? `The server failed (${status}). Your change may not be saved. Reload the page to check.`);
});

again.addEventListener("click", () => {
  const { form, submitter } = failed;
  say("Trying again …");
  if (form.isConnected) form.requestSubmit(submitter);
});

document.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.isError) hide(event);
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.xhr?.status === 204) hide(event);
});

function hide(event) {
  // The server answers again, but what the person sent last has not reached it.
  if (failed && event.detail.requestConfig.elt.matches(BY_ITSELF)) return;
  notice.hidden = true;
  failed = null;
}
