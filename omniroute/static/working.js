// A form whose answer may take a while says that it is under way, and how far it is as soon as that
// is told. Its answer takes the place of the part of the page that the form is in.
"use strict";

(() => {
  const KIND = "application/x-ndjson";

  async function* lines(answer) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      const told = (rest + piece.value).split("\n");
      rest = told.pop();
      for (const line of told) yield JSON.parse(line);
    }
  }

  async function page(form, body, bar) {
    const answer = await fetch(form.action, { method: "POST", body, headers: { accept: KIND } });
    if (answer.redirected) location.assign(answer.url); // to signing in
    if (answer.headers.get("content-type") !== KIND) return answer.text();
    for await (const told of lines(answer)) {
      if (told.page !== undefined) return told.page;
      bar.max = told.total;
      bar.value = told.done;
    }
    throw new Error("the answer broke off");
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-working]");
    if (!form) return;
    event.preventDefault();
    const bar = form.querySelector(".working");
    const failed = form.querySelector(".failed");
    const body = new FormData(form, event.submitter);
    failed.hidden = true;
    bar.removeAttribute("value"); // until it is known how much there is
    bar.hidden = false;
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    try {
      const answer = new DOMParser().parseFromString(await page(form, body, bar), "text/html");
      const changed = answer.querySelector(".admin-page");
      if (!changed) throw new Error("the answer is another page");
      form.closest(".admin-page").replaceWith(changed);
    } catch {
      failed.hidden = false;
    } finally {
      bar.hidden = true;
      for (const button of form.querySelectorAll("button")) button.disabled = false;
    }
  });
})();
