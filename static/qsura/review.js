// Decisions by the keyboard: Alt and a letter, as the buttons say. Everything works without: the buttons are reached by Tab.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form[data-qs-decision]");
  const NEED_A_REASON = new Set(["rejected", "changes_requested", "paused"]);
  const reason = form?.querySelector("textarea[name=reason]");

  document.addEventListener("keydown", (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
    const wanted = [...document.querySelectorAll("[data-qs-key]")].find((each) => event.code === `Key${each.dataset.qsKey}`);
    if (!wanted) return;
    event.preventDefault();
    wanted.click();
  });

  // A reason that is needed is asked for here, before the way to the server and back.
  form?.addEventListener("submit", (event) => {
    const pressed = event.submitter;
    const isNeeded = NEED_A_REASON.has(pressed?.value) || pressed?.name === "comment";
    if (!isNeeded || reason.value.trim()) return;
    event.preventDefault();
    reason.setCustomValidity(pressed.name === "comment" ? "Write a comment." : "Say why, so that the author can mend it.");
    reason.reportValidity();
    reason.focus();
  });
  // What was said is judged anew with every press: a form that was found wanting would never send another decision.
  form?.addEventListener("click", () => reason.setCustomValidity(""), { capture: true });
  reason?.addEventListener("input", () => reason.setCustomValidity(""));
});
