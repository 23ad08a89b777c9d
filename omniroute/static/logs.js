// The live tail: new requests at the top of the table, while the page is looked at.

const button = document.getElementById("live");
const MOST = 200; // rows on the page
const AGAIN_MS = 3000;
let socket = null;
let timer = 0;
let wanted = false;

function rows() {
  return document.getElementById("rows");
}

function put(html) {
  const table = rows();
  const fresh = document.createElement("template");
  fresh.innerHTML = html; // made by the server's template, which escapes
  for (const row of [...fresh.content.querySelectorAll("tr")].reverse()) {
    if (document.getElementById(row.id)) continue;
    row.classList.add("new");
    // Ids sort by time; what took longer belongs further down.
    const older = [...table.rows].find((other) => other.id < row.id);
    table.insertBefore(row, older || null);
  }
  while (table.rows.length > MOST) table.deleteRow(-1);
  document.getElementById("none")?.remove();
}

function open() {
  clearTimeout(timer);
  const query = rows()?.dataset.live;
  if (!wanted || document.hidden || socket || query === undefined) return;
  const address = new URL("/ws/logs/?" + query, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const mine = socket = new WebSocket(address);
  mine.onopen = () => mine.send("next");
  mine.onmessage = (event) => {
    if (mine !== socket) return;
    const told = JSON.parse(event.data);
    put(told.rows);
    if (told.skipped) document.getElementById("skipped").hidden = false;
    mine.send("next");
  };
  mine.onclose = (event) => {
    if (mine !== socket) return;
    socket = null;
    if (event.code === 4401) stop();
    else timer = setTimeout(open, AGAIN_MS);
  };
}

function close() {
  clearTimeout(timer);
  const old = socket;
  socket = null;
  old?.close();
}

function stop() {
  wanted = false;
  button.setAttribute("aria-pressed", "false");
  close();
}

// A page of older rows, or of a time that is over, has nothing new.
function fit() {
  button.hidden = rows()?.dataset.live === undefined;
  close();
  open();
}

button.addEventListener("click", () => {
  if (wanted) return stop();
  wanted = true;
  button.setAttribute("aria-pressed", "true");
  open();
});
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
document.addEventListener("htmx:after:swap", fit);
fit();
