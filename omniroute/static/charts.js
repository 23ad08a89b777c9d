// What charts of several pages have in common: colours, axes, and stacked bars.

const { Chart } = globalThis;
const STACK_COLOURS = 8;

export function colour(name) {
  // As the style sheet has it for this theme: a probe, since light-dark() is resolved in use only.
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function number(value, options) {
  return new Intl.NumberFormat("en", options).format(value);
}

function told(measure, value) {
  if (measure === "cost") return `$${number(value, { maximumSignificantDigits: 4 })}`;
  if (measure === "seconds") return `${number(value, { maximumSignificantDigits: 3 })} s`;
  return number(value, { notation: "compact", maximumFractionDigits: 1 });
}

export function label(bar) {
  // An ISO date, or a local time with its offset: the date is told where a day begins.
  return bar.length > 10 ? `${bar.slice(5, 10)} ${bar.slice(11, 16)}` : bar;
}

export function options(measure, stacked) {
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
      y: { stacked, beginAtZero: true, ticks: { color: ink, precision: measure === "cost" || measure === "seconds" ? undefined : 0, callback: (value) => told(measure, value) }, grid: { color: line }, border: { display: false } },
    },
  };
}

export function stacked(canvas, { bars, stacks, measure }) {
  return new Chart(canvas, {
    type: "bar",
    data: {
      labels: bars.map(label),
      datasets: stacks.map((stack, place) => ({
        label: stack.label,
        data: stack.data,
        backgroundColor: stack.rest ? colour("edge") : colour(`series-${(place % STACK_COLOURS) + 1}`),
        categoryPercentage: 0.9,
        barPercentage: 1,
      })),
    },
    options: options(measure, true),
  });
}
