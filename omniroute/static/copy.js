// Buttons that copy the text of an element: data-copy is its id.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async (event) => {
    event.preventDefault();
    const source = document.getElementById(button.dataset.copy);
    const said = button.parentElement.querySelector(".copied");
    try {
      await navigator.clipboard.writeText(source.textContent);
      said.textContent = "✓";
    } catch {
      // Without HTTPS a browser may refuse: the text is selected, to be copied by hand.
      getSelection().selectAllChildren(source);
    }
  });
}
