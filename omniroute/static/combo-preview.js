// Who would answer, asked anew whenever the form has changed.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const PAUSE_MS = 250;
  const place = document.getElementById("combo-preview");
  if (!place) return;
  const form = place.closest("form");
  let waiting = 0;
  let asked = 0;

  async function ask() {
    const question = ++asked;
    targets.number();
    const body = new FormData(form);
    body.append("row", place.dataset.row);
    let html = "";
    try {
      const answer = await fetch(place.dataset.url, { method: "POST", body });
      if (answer.ok) html = await answer.text();
    } catch {
      // The gateway is away for a moment; the next change asks again.
    }
    if (question === asked && html) place.innerHTML = html; // escaped by its template
  }

  function soon() {
    clearTimeout(waiting);
    waiting = setTimeout(ask, PAUSE_MS);
  }

  django.jQuery(form).on("input change", soon); // a native listener hears nothing of select2
  document.addEventListener("targets:changed", soon);
  ask();
});
