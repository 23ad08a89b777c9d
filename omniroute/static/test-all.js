// Every connection tested, several at a time; each row says at once how it went.
"use strict";

(() => {
  const AT_ONCE = 6;
  const page = document.getElementById("test-all");
  const start = document.getElementById("start");
  const progress = document.getElementById("progress");
  const said = document.getElementById("said");

  async function test(row) {
    const cell = row.querySelector(".result");
    cell.textContent = "…";
    let ok = false;
    try {
      const told = await callApi("/connections/" + encodeURIComponent(row.dataset.name) + "/test");
      ok = told.ok;
      cell.textContent = told.message + " (" + told.ms + " ms)";
    } catch (error) {
      cell.textContent = error.message;
    }
    cell.className = "result " + (ok ? "good" : "bad");
    return ok;
  }

  start.addEventListener("click", async (event) => {
    event.preventDefault();
    start.disabled = true;
    const waiting = [...page.querySelectorAll("tr[data-name]")];
    const total = waiting.length;
    let good = 0;
    let done = 0;
    progress.value = 0;
    async function next() {
      while (waiting.length) {
        if (await test(waiting.shift())) good += 1;
        done += 1;
        progress.value = done;
        said.textContent = done + " of " + total + " tested, " + good + " answering";
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next));
    start.disabled = false;
  });
})();
