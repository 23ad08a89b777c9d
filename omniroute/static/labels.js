// Select2 puts a box of its own in the place of a select, and does not say what the box is for.
"use strict";

(() => {
  const labelled = (select) =>
    select.getAttribute("aria-label") ||
    document.querySelector(`label[for="${CSS.escape(select.id)}"]`)?.textContent.trim();

  const name = () => {
    for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
      const box = select.nextElementSibling?.querySelector(".select2-selection__rendered");
      const label = labelled(select);
      if (box && label) box.setAttribute("aria-label", label); // the rest of it refers to this
    }
  };

  // Whenever that is: at the start, and with each row that is added to a form.
  new MutationObserver(name).observe(document.documentElement, { childList: true, subtree: true });
})();
