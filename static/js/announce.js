// Tells screen readers what changed on the page.

export function announce(text) {
  document.getElementById("announcer").textContent = text.replace(/\s+/g, " ").trim();
}
