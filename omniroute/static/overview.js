// The overview's charts, its time zone, and the fields of a range of one's own.

const { Chart } = globalThis;
const STACK_COLOURS = 8;
const drawn = [];

function colour(name) {
  // As the style sheet has it for this theme: a probe, since light-dark() is resolved in use only.
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function short(value) {
  return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

function told(measure, value) {
  if (measure === "cost") return "$" + new Intl.NumberFormat("en", { maximumSignificantDigits: 4 }).format(value);
  return measure === "seconds" ? `${short(value)} s` : short(value);
}

function label(bar) {
  // An ISO date, or a local time with its offset: the date is told where a day begins.
  return bar.length > 10 ? `${bar.slice(5, 10)} ${bar.slice(11, 16)}` : bar;
}

function options(measure, stacked) {
  const ink = colour("muted"), line = colour("line");
  return {
    animation: false,
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: false },
    plugins: {
      legend: { position: "bottom", labels: { color: colour("ink"), boxWidth: 12, boxHeight: 12 } },
      tooltip: { filter: (item) => item.raw !== null && item.raw !== 0, callbacks: { label: (item) => `${item.dataset.label}: ${told(measure, item.raw)}` } },
    },
    scales: {
      x: { stacked, ticks: { color: ink, maxRotation: 0, autoSkipPadding: 16 }, grid: { display: false }, border: { color: line } },
      y: { stacked, beginAtZero: true, ticks: { color: ink, callback: (value) => told(measure, value) }, grid: { color: line }, border: { display: false } },
    },
  };
}

function draw() {
  while (drawn.length) drawn.pop().destroy();
  const source = document.getElementById("charts");
  if (!source) return;
  const charts = JSON.parse(source.textContent);
  const labels = charts.bars.map(label);
  drawn.push(new Chart(document.getElementById("stacks"), {
    type: "bar",
    data: {
      labels,
      datasets: charts.stacks.map((stack, place) => ({
        label: stack.label,
        data: stack.data,
        backgroundColor: stack.rest ? colour("edge") : colour(`series-${(place % STACK_COLOURS) + 1}`),
        categoryPercentage: 0.9,
        barPercentage: 1,
      })),
    },
    options: options(charts.measure, true),
  }));
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
