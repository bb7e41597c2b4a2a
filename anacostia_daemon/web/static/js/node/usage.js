// CPU and memory over time, as two plots with one cursor. `uPlot` is of the library; dashed lines are new processes.
const EVERY = 2000; // milliseconds between two looks; what the dashboard itself does
const HEIGHT = 130;
const MIB = 1024 * 1024;

export function usage(path) {
  const place = document.getElementById("usage");
  const state = document.getElementById("usage-state");
  const points = [];
  let plots = [];
  let timer = 0;
  let stopped = false;

  async function look() {
    const last = points.at(-1)?.at;
    const answer = document.hidden ? null : await fetch(last ? `${path}?after=${encodeURIComponent(last)}` : path).catch(() => null);
    if (stopped) return;
    if (answer?.ok) points.push(...(await answer.json()));
    points.splice(0, points.length - 1800);
    show();
    timer = setTimeout(look, EVERY);
  }

  function show() {
    if (points.length < 2) {
      state.textContent = "Curves begin when this has been looked at for a few seconds.";
      return;
    }
    if (!plots.length) plots = [plot(place, points, "CPU %", "--series-1"), plot(place, points, "MiB", "--series-3")];
    const data = columns(points);
    plots[0].setData([data.at, data.cpu]);
    plots[1].setData([data.at, data.rss]);
    const now = points.at(-1);
    const most = Math.max(...data.rss.filter((each) => each !== null), 0);
    state.textContent = now.rss_bytes === null ? "No process now." : `Now ${(now.cpu_percent ?? 0).toFixed(1)} % of a core, ${(now.rss_bytes / MIB).toFixed(0)} MiB; at most ${most.toFixed(0)} MiB.`;
  }

  function anew() {
    plots.forEach((each) => each.destroy());
    plots = [];
    show();
  }

  document.body.addEventListener("theme", anew);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", anew);
  new ResizeObserver(() => plots.forEach((each) => each.setSize({ width: place.clientWidth, height: HEIGHT }))).observe(place);
  look();
  return {
    stop(gone) {
      stopped = gone;
      clearTimeout(timer);
      if (!gone) look();
    },
  };
}

function columns(points) {
  return {
    at: points.map((each) => Date.parse(each.at) / 1000),
    cpu: points.map((each) => each.cpu_percent),
    rss: points.map((each) => (each.rss_bytes === null ? null : each.rss_bytes / MIB)),
  };
}

function plot(place, points, label, colour) {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: of("--muted"), grid: { stroke: of("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const options = {
    width: place.clientWidth,
    height: HEIGHT,
    cursor: { sync: { key: "usage" }, drag: { setScale: false } },
    legend: { live: true },
    scales: { y: { range: (_, __, high) => [0, Math.max(high ?? 0, 1) * 1.15] } },
    axes: [{ ...axis, size: 28, values: (_, splits) => splits.map(clock) }, { ...axis, size: 44 }],
    series: [{ label: "at", value: (_, at) => (at === null ? "–" : clock(at)) }, { label, stroke: of(colour), width: 2, fill: `${of(colour)}22`, points: { show: false }, value: (_, value) => (value === null || value === undefined ? "–" : value.toFixed(1)) }],
    hooks: { draw: [(drawn) => starts(drawn, points, of("--warn"))] },
  };
  return new uPlot(options, [[], []], place);
}

const clock = (at) => new Date(at * 1000).toTimeString().slice(0, 8);

// A line where one process followed another.
function starts(drawn, points, colour) {
  const { ctx, bbox } = drawn;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.setLineDash([4, 4]);
  points.forEach((each, index) => {
    if (!index || each.incarnation === points[index - 1].incarnation) return;
    const x = drawn.valToPos(Date.parse(each.at) / 1000, "x", true);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  });
  ctx.restore();
}
