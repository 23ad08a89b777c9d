// The order of a combo's targets is that of the rows as they stand, saved or not.
"use strict";

const targets = {
  rows() {
    const all = document.querySelectorAll("#targets-group .form-group");
    return [...all].filter((row) => !row.classList.contains("empty-form"));
  },

  isFilled(row) {
    return [...row.querySelectorAll("[name$=-model], [name$=-nested]")].some((f) => f.value);
  },

  // A row that was left empty stays as it came: numbered, it would count as filled in.
  number() {
    targets.rows().filter(targets.isFilled).forEach((row, index) => {
      row.querySelector("input[name$=-position]").value = index;
    });
  },

  // Unsaved rows are told apart by numbers after those of the saved ones; Unfold's own way of taking
  // one out goes by places, which are not numbers any more once a row was moved.
  renumber() {
    const saved = Number(document.querySelector("[name=targets-INITIAL_FORMS]").value);
    const rows = targets.rows();
    rows.filter((row) => !row.classList.contains("original")).forEach((row, index) => {
      for (const element of row.querySelectorAll("*")) {
        for (const { name, value } of [...element.attributes]) {
          const told = value.replace(/\btargets-\d+/g, "targets-" + (saved + index));
          if (told !== value) element.setAttribute(name, told);
        }
      }
    });
    document.querySelector("[name=targets-TOTAL_FORMS]").value = rows.length;
  },

  remove(event) {
    if (!event.target.closest(".delete-template")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    event.target.closest(".form-group").remove();
  },

  changed() {
    targets.renumber();
    targets.number();
    document.dispatchEvent(new CustomEvent("targets:changed"));
  },

  prepare(row) {
    row.classList.remove("template"); // of which Unfold lets none be moved
    if (row.dataset.prepared) return;
    row.dataset.prepared = "yes";
    const handle = row.querySelector(".drag-handle");
    if (!handle) return;
    handle.tabIndex = 0;
    handle.setAttribute("role", "button");
    handle.setAttribute("aria-label", "Move this target with the arrow keys, or drag it");
    handle.addEventListener("keydown", (event) => {
      const up = event.key === "ArrowUp";
      if (!up && event.key !== "ArrowDown") return;
      event.preventDefault();
      const rows = targets.rows();
      const other = rows[rows.indexOf(row) + (up ? -1 : 1)];
      if (!other) return;
      if (up) other.before(row);
      else other.after(row);
      handle.focus();
    });
  },
};

document.addEventListener("DOMContentLoaded", () => {
  const group = document.getElementById("targets-group");
  if (!group) return;
  targets.rows().forEach(targets.prepare);
  // Rows come, go and move: by Unfold's buttons, by a drag, by a key.
  new MutationObserver(() => {
    targets.rows().forEach(targets.prepare);
    targets.changed();
  }).observe(document.getElementById("targets-data"), { childList: true });
  group.addEventListener("click", targets.remove, true);
  group.closest("form").addEventListener("submit", targets.number);
});
