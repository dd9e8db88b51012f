// Shows the keys in a dialog instead of following the link to their page.

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-help]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  document.getElementById("help").showModal();
});
