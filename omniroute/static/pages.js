// What every page has: the menu on a phone, buttons that copy, and a word when the gateway is silent.

const toggle = document.getElementById("menu-toggle");
const menu = document.getElementById("menu");

function show(open) {
  menu.classList.toggle("open", open);
  toggle.setAttribute("aria-expanded", String(open));
}

if (toggle) {
  toggle.addEventListener("click", () => show(toggle.getAttribute("aria-expanded") !== "true"));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.classList.contains("open")) {
      show(false);
      toggle.focus();
    }
  });
}

// <button data-copy="id of what is copied">: its text, or its value.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const text = "value" in source ? source.value : source.textContent;
  const label = button.dataset.label ??= button.textContent; // its own, whatever it says just now
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = button.dataset.copied || "Copied";
  } catch {
    // Without HTTPS there is no clipboard: what is selected can be copied by hand.
    getSelection().selectAllChildren(source);
    button.textContent = button.dataset.selected || "Selected";
  }
  setTimeout(() => { button.textContent = label; }, 2000);
});

// What cannot be looked at again stays as it was, and is said to be old; nothing takes its place.
const silent = document.getElementById("silent");

function answered(isSo) {
  if (silent) silent.hidden = isSo;
  return isSo;
}

document.addEventListener("htmx:error", (event) => { if (event.detail.ctx) answered(false); });
document.addEventListener("htmx:before:response", (event) => {
  if (!answered(event.detail.ctx.response.status < 500)) event.preventDefault();
});
