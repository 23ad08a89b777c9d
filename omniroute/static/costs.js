// The cost of a month, by day.

import { stacked } from "./charts.js";

const source = document.getElementById("chart");
let drawn = null;

function draw() {
  if (drawn) drawn.destroy();
  drawn = stacked(document.getElementById("stacks"), { ...JSON.parse(source.textContent), measure: "cost" });
}

if (source) {
  draw();
  document.addEventListener("theme", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
