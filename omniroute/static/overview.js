// The overview's charts, its time zone, and the fields of a range of one's own.

import { colour, label, options, stacked } from "./charts.js";

const { Chart } = globalThis;
const drawn = [];

function draw() {
  while (drawn.length) drawn.pop().destroy();
  const source = document.getElementById("charts");
  if (!source) return;
  const charts = JSON.parse(source.textContent);
  const labels = charts.bars.map(label);
  drawn.push(stacked(document.getElementById("stacks"), charts));
  drawn.push(new Chart(document.getElementById("times"), {
    type: "line",
    data: {
      labels,
      datasets: charts.times.map((line, place) => ({
        label: line.label,
        data: line.data,
        borderColor: colour(`series-${Math.floor(place / 2) + 1}`),
        backgroundColor: colour(`series-${Math.floor(place / 2) + 1}`),
        borderDash: place % 2 ? [5, 4] : [],
        borderWidth: 2,
        pointRadius: 2,
        tension: 0.2,
      })),
    },
    options: options("seconds", false),
  }));
}

const form = document.getElementById("range");

function showEnds() {
  const isCustom = form.elements.range.value === "custom";
  for (const field of form.querySelectorAll("[data-custom]")) field.hidden = !isCustom;
}

function keepZone() {
  document.cookie = `zone=${form.elements.zone.value}; path=/; max-age=31536000; samesite=lax`;
}

// A range of one's own is looked at when both of its ends are there.
form.addEventListener("change", (event) => {
  showEnds();
  if (event.target.name === "zone") keepZone();
  const { range, since, until } = form.elements;
  if (range.value === "custom" && !(since.value && until.value)) event.stopPropagation();
}, true);

document.addEventListener("theme", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
document.addEventListener("htmx:after:swap", draw);
showEnds();
draw();

// Until somebody chooses, days are those of the browser.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.includes("zone=") && form.elements.zone.value !== zone) {
  form.elements.zone.value = zone;
  keepZone();
  if (!new URLSearchParams(location.search).has("zone")) form.elements.zone.dispatchEvent(new Event("change", { bubbles: true }));
}
