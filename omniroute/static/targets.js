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

  changed() {
    targets.number();
    document.dispatchEvent(new CustomEvent("targets:changed"));
  },

  prepare(row) {
    row.classList.remove("template"); // of which Unfold lets none be moved
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
      targets.changed();
    });
  },
};

document.addEventListener("DOMContentLoaded", () => {
  const group = document.getElementById("targets-group");
  if (!group) return;
  targets.rows().forEach(targets.prepare);
  document.addEventListener("formset:added", (event) => {
    targets.prepare(event.target);
    targets.changed();
  });
  document.addEventListener("formset:removed", targets.changed);
  group.addEventListener("end", () => setTimeout(targets.changed));
  group.closest("form").addEventListener("submit", targets.number);
});
