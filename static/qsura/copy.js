// Copies what stands in data-copy. Without scripts (or without a clipboard) the buttons stay hidden, and the text can be selected.
document.addEventListener("DOMContentLoaded", () => {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.classList.add("qs-copied");
      setTimeout(() => button.classList.remove("qs-copied"), 1500);
    });
  }
});
