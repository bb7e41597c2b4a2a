// The page of metrics: what is asked for stands in the form and in the address; a plot for each metric, or one for all.
import { fetched } from "./fetched.js";
import { paced } from "./pace.js";
import { Parallel } from "./parallel.js";
import { Plot } from "./plot.js";

const form = document.getElementById("asked");
const room = document.getElementById("plots");
const plots = new Map();
const api = form.dataset.api;

function asked() {
  const fields = new FormData(form);
  return {
    keys: fields.getAll("key"),
    runs: fields.getAll("run"),
    over: fields.get("over"),
    log: fields.has("log"),
    one: fields.has("one"),
    smooth: Number(fields.get("smooth") ?? 0),
    limit: fields.get("limit"),
  };
}

// The address says what is shown, so that it can be shared.
function remember() {
  const parameters = new URLSearchParams(new FormData(form));
  if (parameters.get("smooth") === "0") parameters.delete("smooth");
  history.replaceState(null, "", `?${parameters}`);
}

function query({ keys, runs, over, limit }) {
  const parameters = new URLSearchParams({ over });
  for (const key of keys) parameters.append("key", key);
  for (const run of runs) parameters.append("run", run);
  if (!runs.length && over === "runs") parameters.set("limit", limit);
  return `${api}/metrics/series?${parameters}`;
}

function titled(series, over, several) {
  const nodes = new Set(series.map((each) => each.node));
  const keys = new Set(series.map((each) => each.key));
  const words = (each) => [several && keys.size > 1 ? each.key : "", nodes.size > 1 ? each.node : "", over === "steps" ? `run ${each.run_id}` : ""];
  return series.map((each) => ({ label: words(each).filter(Boolean).join(" · ") || each.key, points: each.points }));
}

let latest = 0;
async function draw() {
  const now = asked();
  const mine = ++latest;
  room.setAttribute("aria-busy", "true");
  const series = now.keys.length ? await fetched(query(now)) : [];
  if (mine !== latest) return;
  const groups = now.one && now.keys.length ? [[now.keys.join(", "), series]] : now.keys.map((key) => [key, series.filter((each) => each.key === key)]);
  const wanted = new Set(groups.map(([title]) => `${now.over} ${title}`));
  for (const [name, plot] of plots) {
    if (wanted.has(name)) continue;
    plot.close();
    plot.figure.remove();
    plots.delete(name);
  }
  for (const [title, found] of groups) {
    const name = `${now.over} ${title}`;
    if (!plots.has(name)) plots.set(name, made(title, now.over));
    room.append(plots.get(name).figure);
    plots.get(name).show(titled(found, now.over, now.one), now);
  }
  document.getElementById("nothing").hidden = groups.some(([, found]) => found.length);
  room.dataset.wide = String(now.one || groups.length === 1);
  room.setAttribute("aria-busy", "false");
}

function made(title, over) {
  const figure = Object.assign(document.createElement("figure"), { className: "plot card" });
  room.append(figure);
  const pick = over === "runs" ? (run) => location.assign(`${form.dataset.runs}/${run}`) : null;
  return new Plot(figure, { title, x: over === "runs" ? "run" : "step", height: 280, sync: over, pick });
}

function told(error) {
  room.setAttribute("aria-busy", "false");
  const nothing = document.getElementById("nothing");
  nothing.hidden = false;
  nothing.textContent = error.message;
}

const again = paced(() => draw().catch(told), 150);

form.addEventListener("input", () => {
  document.getElementById("smooth-shown").textContent = form.elements.smooth.value;
  remember();
  again();
});
form.addEventListener("submit", (event) => event.preventDefault());
const parallel = new Parallel(document.getElementById("parallel"));
async function compare() {
  const parameters = new URLSearchParams(asked().runs.map((run) => ["run", run]));
  parallel.show(await fetched(`${api}/compare?${parameters}`), form.dataset.runs);
}
// Live, but each of these asks for many runs: not oftener than this.
const PACE = 2000;
const everything = paced(() => {
  again();
  compare().catch(told);
}, PACE);
document.body.addEventListener("fresh:run", everything);
document.body.addEventListener("fresh:run", paced(() => document.body.dispatchEvent(new CustomEvent("again")), PACE)); // the table
document.body.addEventListener("theme", () => parallel.draw());
addEventListener("load", everything);
