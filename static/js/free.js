// Whether a pressed key may be a command: the person is not typing, no dialog is open, no modifier is held.

const TYPING = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";

export function isFree(event) {
  return !(
    event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing ||
    event.target.closest?.(TYPING) || document.querySelector("dialog[open]")
  );
}
