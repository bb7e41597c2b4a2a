// Parallel coordinates: an axis for each parameter and metric that is not the same in all runs, a line for each run. The
// last axis gives the colour, from low to high.
import { svg } from "./svg.js";

const HEIGHT = 260;
const TOP = 34;
const BOTTOM = 26;
const MOST_AXES = 12;

export class Parallel {
  constructor(figure) {
    this.figure = figure;
    this.runs = [];
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(figure);
  }

  show(runs, at) {
    this.runs = runs;
    this.at = at;
    this.draw();
  }

  draw() {
    const axes = axesOf(this.runs);
    const figure = this.figure;
    figure.closest("section").hidden = axes.length < 2 || this.runs.length < 2;
    if (figure.closest("section").hidden) return;
    const width = Math.max(figure.clientWidth, 120 * axes.length);
    const x = (index) => 60 + (index * (width - 120)) / (axes.length - 1);
    const lines = this.runs.map((run) => this.#line(run, axes, x));
    const picture = svg("svg", { width, height: HEIGHT, class: "parallel", role: "group", "aria-label": `${this.runs.length} runs over ${axes.map((each) => each.name).join(", ")}` });
    picture.append(...lines.filter(Boolean), ...axes.map((axis, index) => drawn(axis, x(index))));
    figure.replaceChildren(picture);
  }

  #line(run, axes, x) {
    const points = axes.map((axis, index) => [x(index), axis.place(axis.of(run))]).filter(([, y]) => y != null);
    if (points.length < 2) return null;
    const last = axes.at(-1);
    const share = last.share(last.of(run));
    const path = svg("path", { d: points.map(([px, py], index) => `${index ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("") });
    path.style.stroke = share == null ? "var(--rest)" : `color-mix(in oklab, var(--series-1) ${Math.round(100 * share)}%, var(--series-2))`;
    const words = axes.map((axis) => `${axis.name} ${axis.of(run) ?? "–"}`).join(", ");
    return svg("a", { href: `${this.at}/${run.id}`, "aria-label": `run ${run.id}: ${words}` }, path, svg("title", {}, `run ${run.id}\n${words.replaceAll(", ", "\n")}`));
  }
}

function drawn(axis, x) {
  const group = svg("g", { class: "axis", "aria-hidden": "true" });
  group.append(svg("line", { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }));
  group.append(svg("text", { x, y: 14, "text-anchor": "middle", class: "name" }, axis.name.length > 18 ? `${axis.name.slice(0, 17)}…` : axis.name));
  for (const [text, y] of axis.labels) group.append(svg("text", { x: x + 6, y: y + 4 }, text));
  return group;
}

// What all runs share tells them not apart, and what is text is a place for each text.
function axesOf(runs) {
  const names = [];
  for (const kind of ["params", "metrics"]) for (const run of runs) for (const key of Object.keys(run[kind])) if (!names.some((each) => each.kind === kind && each.key === key)) names.push({ kind, key });
  const axes = names.map(({ kind, key }) => axisOf(kind, key, runs.map((run) => run[kind][key]).filter((value) => value != null)));
  return axes.filter(Boolean).slice(-MOST_AXES);
}

function axisOf(kind, key, values) {
  const of = (run) => run[kind][key];
  const different = [...new Set(values.map((value) => JSON.stringify(value)))];
  if (different.length < 2) return null;
  const span = HEIGHT - BOTTOM - TOP;
  const at = (share) => (share == null ? null : HEIGHT - BOTTOM - share * span);
  if (values.every((value) => typeof value === "number")) {
    const low = Math.min(...values);
    const high = Math.max(...values);
    const share = (value) => (typeof value === "number" ? (value - low) / (high - low) : null);
    const labels = [low, (low + high) / 2, high].map((value) => [String(+value.toPrecision(4)), at(share(value))]);
    return { name: key, of, share, place: (value) => at(share(value)), labels };
  }
  different.sort();
  const share = (value) => (value == null ? null : different.indexOf(JSON.stringify(value)) / (different.length - 1));
  const labels = different.slice(0, 12).map((text) => [text.replace(/^"|"$/g, "").slice(0, 14), at(share(JSON.parse(text)))]);
  return { name: key, of, share, place: (value) => at(share(value)), labels };
}
