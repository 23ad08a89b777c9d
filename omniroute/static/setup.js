// A key that was made on this page goes into the settings that are shown, as long as the page is open.

const PLACEHOLDER = "YOUR-OMNIROUTE-KEY";

function fillIn() {
  const secret = document.getElementById("secret");
  if (!secret) return;
  for (const snippet of document.querySelectorAll(".snippet")) {
    snippet.textContent = snippet.textContent.replaceAll(PLACEHOLDER, secret.textContent);
  }
}

document.addEventListener("htmx:after:swap", fillIn);
fillIn();
