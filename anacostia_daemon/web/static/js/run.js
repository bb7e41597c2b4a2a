// One run: while it goes on, its parts are asked for again each second (what is logged tells no event); its curves.
import { fetched } from "./fetched.js";
import { Plot } from "./plot.js";

const PACE = 1000;
const run = document.getElementById("run");
const plots = new Map();

const running = () => document.getElementById("head")?.dataset.runState === "running";

let wasRunning = running();
setInterval(() => {
  const now = running();
  if (!document.hidden && (now || wasRunning)) document.body.dispatchEvent(new CustomEvent("again"));
  wasRunning = now; // once more when it has ended: its last words
}, PACE);

async function draw() {
  for (const [figure, plot] of plots) {
    if (!figure.isConnected) {
      plot.close();
      plots.delete(figure);
    }
  }
  for (const figure of run.querySelectorAll("[data-curve]")) {
    const series = await fetched(figure.dataset.from).catch(() => null);
    if (!series || !figure.isConnected) continue;
    if (!plots.has(figure)) plots.set(figure, new Plot(figure, { title: figure.dataset.curve, x: "step", height: 180 }));
    plots.get(figure).show(series.map((each) => ({ label: each.node, points: each.points })));
  }
}

let busy = null;
const again = () => (busy ??= draw().finally(() => (busy = null)));
run.addEventListener("htmx:afterSettle", (event) => event.target === run && again());
addEventListener("load", again);

// A page that was at the end of the log stays there.
const log = document.getElementById("log");
let atEnd = true;
log.addEventListener("scroll", () => (atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8));
log.addEventListener("htmx:afterSettle", () => atEnd && (log.scrollTop = log.scrollHeight));
document.getElementById("log-filter").addEventListener("submit", (event) => event.preventDefault());
