// A form whose answer may take a while says that it is under way.
"use strict";

for (const form of document.querySelectorAll("form[data-working]")) {
  form.addEventListener("submit", () => {
    form.querySelector(".working").hidden = false;
  });
}
addEventListener("pageshow", () => {
  for (const bar of document.querySelectorAll(".working")) bar.hidden = true;
});
