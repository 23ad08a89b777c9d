// Light, dark or the system's, before anything is painted: hence no module. Admin keeps the same
// setting under the same key.
"use strict";

const THEME = "adminTheme";

function chosenTheme() {
  try {
    const chosen = JSON.parse(localStorage.getItem(THEME));
    return ["light", "dark"].includes(chosen) ? chosen : "auto";
  } catch {
    return "auto";
  }
}

function applyTheme() {
  document.documentElement.dataset.theme = chosenTheme();
}

applyTheme();
addEventListener("storage", applyTheme);
addEventListener("DOMContentLoaded", () => {
  const choice = document.getElementById("theme");
  if (!choice) return;
  choice.value = chosenTheme();
  choice.addEventListener("change", () => {
    localStorage.setItem(THEME, JSON.stringify(choice.value));
    applyTheme();
    // Charts take their colours from the style sheet when they are drawn.
    document.dispatchEvent(new Event("theme"));
  });
});
